// Tempo's single binary, started as `tempo CONFIG`.
//
// Tempo's own cmd/tempo builds with a current Go and then panics at the first
// span: since Go 1.21 packages are initialised in another order, so gRPC's own
// "proto" codec replaces the one that Tempo registers for its wire types. This
// program uses Tempo as a library and registers a codec after both.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/grafana/tempo/cmd/tempo/app"
	"github.com/grafana/tempo/pkg/util/log"
	"google.golang.org/grpc/encoding"
	"google.golang.org/protobuf/proto"
	"gopkg.in/yaml.v2"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "tempo:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: tempo CONFIG")
	}
	config, err := load(args[0])
	if err != nil {
		return err
	}
	log.InitLogger(&config.Server)
	encoding.RegisterCodec(codec{})
	exitAtOnce()

	tempo, err := app.New(*config)
	if err != nil {
		return err
	}
	return tempo.Run()
}

func load(path string) (*app.Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	config := &app.Config{}
	config.RegisterFlagsAndApplyDefaults("", flag.CommandLine)
	if err := yaml.UnmarshalStrict(text, config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}

	// A single process needs no gossip: what Tempo's own main sets as well.
	ring := &config.Ingester.LifecyclerConfig
	ring.RingConfig.KVStore.Store = "inmemory"
	ring.RingConfig.ReplicationFactor = 1
	ring.Addr = "127.0.0.1"
	config.Generator.Ring.KVStore.Store = "inmemory"
	config.Generator.Ring.InstanceAddr = "127.0.0.1"
	return config, nil
}

// exitAtOnce ends the process when asked to. Tempo itself goes on for 30 s, so
// that load balancers can notice; here nobody does, and no data is kept.
func exitAtOnce() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-asked
		os.Exit(0)
	}()
}

// codec lets gogo/protobuf's generated messages encode themselves and leaves
// all others to the protobuf runtime.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) ([]byte, error) {
	if m, ok := v.(interface{ Marshal() ([]byte, error) }); ok {
		return m.Marshal()
	}
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("cannot encode %T", v)
	}
	return proto.Marshal(m)
}

func (codec) Unmarshal(data []byte, v any) error {
	if m, ok := v.(interface{ Unmarshal([]byte) error }); ok {
		return m.Unmarshal(data)
	}
	m, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("cannot decode %T", v)
	}
	return proto.Unmarshal(data, m)
}
