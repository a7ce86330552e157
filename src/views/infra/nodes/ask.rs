//! What is asked of nodes, in one question.

use std::net::IpAddr;

use super::{
    super::{
        section::{count_of, named_by, together},
        subject::{Host, Subject},
    },
    bounds::{
        Bounds, CLOCK, CONNECTIONS, CPU, CPU_WAIT, DISK, DISK_BUSY, FILLING, FULL_WITHIN, IO_WAIT, IOWAIT, LOAD, MEMORY, MEMORY_WAIT,
        OOM_KILLS, STEAL,
    },
};
use crate::{model::labels::quote, red::queries::promql_duration};

/// Up to so many nodes all are told, of more only those that are not well.
const FEW: usize = 100;
/// A service on more machines than this is on all of them, as far as what is asked goes.
const MOST: usize = 200;

/// Conditions on series of filesystems: those that are written to and last.
pub(super) const FILESYSTEMS: &str = "fstype!~\"tmpfs|ramfs|overlay|squashfs|iso9660|erofs|cramfs|nsfs|fuse.lxcfs|autofs\", \
     mountpoint!~\"/(boot|run|sys|proc|dev)(/.*)?|/var/lib/(docker|containerd|containers|kubelet)/.+\"";
/// Conditions on series of disks: those that are not parts or views of others.
pub(super) const DISKS: &str = "device!~\"(loop|ram|sr|fd|dm-|md|zram).*\"";

/// Gauges that are told as they are; their names are their figures.
const GAUGES: &str = "node_load1|node_memory_MemTotal_bytes|node_memory_MemAvailable_bytes|node_nf_conntrack_entries|\
     node_nf_conntrack_entries_limit|node_timex_offset_seconds|node_boot_time_seconds";
const SPACE: &str = "node_filesystem_avail_bytes|node_filesystem_size_bytes|node_filesystem_files|node_filesystem_files_free";
/// Jobs that are node_exporter's, where its series are too long gone to say so.
const JOBS: &str = "job=~\"(.*/)?(.*-)?node([-_]?exporter)?\"";
/// Conditions that should not hold, Kubernetes' own and those of its node problem detector.
const TROUBLE: &str = "condition=~\".*Pressure|NetworkUnavailable|KernelDeadlock|ReadonlyFilesystem|Frequent.*Restart|.*Unhealthy\"";
const CONDITION: &str = "kube_node_status_condition";
/// What tells machines.
const BY: &str = "cluster, instance, node";

pub(super) fn query(subject: &Subject) -> Option<String> {
    if subject.service.is_some() && subject.hosts.is_empty() {
        return None;
    }
    let ask = Ask::new(subject);
    Some(if is_all(subject) {
        ask.not_well()
    } else if subject.hosts.iter().all(Host::has_address) {
        ask.by_labels()
    } else {
        ask.by_name()
    })
}

/// Whether all machines are asked for, and which are the subject's is found out of what is told.
pub(super) fn is_all(subject: &Subject) -> bool {
    subject.service.is_none() || subject.hosts.len() > MOST
}

impl Host {
    /// Whether series can be found by the address in their `instance`.
    fn has_address(&self) -> bool {
        !self.address.is_empty() || self.name.parse::<IpAddr>().is_ok()
    }
}

/// How nodes are asked for.
struct Ask {
    /// Conditions of the scope, to go before others.
    scope: String,
    /// Conditions on series of node_exporter of the subject's machines, of which any may hold: by label, by address.
    mine: Vec<String>,
    /// Condition on the name that a machine gives itself.
    nodename: String,
    /// Condition on series of kube-state-metrics.
    kube: String,
    over: String,
    reach: String,
}

impl Ask {
    fn new(subject: &Subject) -> Self {
        let scope = subject.of_exporters();
        let hosts = if subject.hosts.len() > MOST { &[][..] } else { subject.hosts.as_slice() };
        let any = |names: Vec<&str>| {
            let mut names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).map(regex::escape).collect();
            names.sort_unstable();
            names.dedup();
            names.join("|")
        };
        let names = any(hosts.iter().map(|host| host.name.as_str()).collect());
        let both = any(hosts.iter().flat_map(|host| [host.name.as_str(), host.address.as_str()]).collect());
        // A machine may call itself by its first name where Kubernetes has the whole one, or the other way round.
        let own = any(hosts.iter().flat_map(|host| [host.name.as_str(), first_name(&host.name)]).collect());
        let kube = if names.is_empty() { String::new() } else { format!("node=~{}, ", quote(&names)) };
        let mine = if names.is_empty() {
            vec![scope.clone()]
        } else {
            vec![format!("{scope}{kube}"), format!("{scope}instance=~{}, ", quote(&format!(r"\[?({both})\]?(:[0-9]+)?")))]
        };
        Self {
            mine,
            nodename: format!("nodename=~{}, ", quote(&format!(r"({own})(\..+)?"))),
            kube: format!("{scope}{kube}"),
            scope,
            over: promql_duration(subject.over),
            reach: promql_duration(subject.reach),
        }
    }

    /// Machines that series are found of by their labels.
    fn by_labels(&self) -> String {
        let uname: Vec<String> = self.mine.iter().map(|of| format!("node_uname_info{{{of}}}")).collect();
        join([self.figures(&self.mine), self.down(&uname), self.states()])
    }

    /// Machines of which nothing but a name is known, which may be in `node_uname_info` alone.
    fn by_name(&self) -> String {
        let all = [self.scope.clone()];
        let uname = self.uname();
        let mine = self.mine.iter().map(|of| format!("{{__name__=~\"node_uname_info|node_load1\", {of}}}"));
        let mine: Vec<String> = uname.iter().cloned().chain(mine).collect();
        let figures = format!("({}) and on (cluster, instance) ({})", self.figures(&all), mine.join(" or "));
        join([figures, self.down(&uname), self.states()])
    }

    /// What says how the subject's machines call themselves.
    fn uname(&self) -> Vec<String> {
        let nodename = format!("{}{}", self.scope, self.nodename);
        self.mine.iter().chain([&nodename]).map(|of| format!("node_uname_info{{{of}}}")).collect()
    }

    /// Of all machines those that are not well, or all where they are few; with how many there are.
    fn not_well(&self) -> String {
        let all = [self.scope.clone()];
        let uname = format!("node_uname_info{{{}}}", self.scope);
        let trouble = self.trouble();
        // Kubernetes' name of a machine is what it calls itself, where no label says it.
        let named = format!("label_replace({uname}, \"node\", \"$1\", \"nodename\", \"(.+)\")");
        let mut which = self.bad();
        which.push(format!("({uname} and on () (count({uname}) <= {FEW}))"));
        which.push(format!("(max by ({BY}) ({named}) and on (cluster, node) ({trouble}))"));
        let led = self.mine.len() > 1;
        if led {
            which.extend(self.uname());
        }
        let figures = format!("({}) and on (cluster, instance) ({})", self.figures(&all), which.join(" or "));
        let ready = format!("{CONDITION}{{{}condition=\"Ready\", status=\"true\"}}", self.scope);
        let mut states = format!("{trouble} or ({ready} == 1 and on () (count({ready}) <= {FEW}))");
        if led {
            states.push_str(&format!(" or {}", conditions(&self.kube)));
        }
        let info = format!("kube_node_info{{{}}}", self.scope);
        let count = [count_of(&format!("max by (cluster, instance) ({uname})")), count_of(&info)];
        let kube = together([
            ("condition", format!("max by (cluster, node, condition, status) ({states})")),
            ("cordoned", self.cordoned(&self.scope)),
            ("address", format!("max by (cluster, node, internal_ip) ({info} and on () (count({info}) <= {FEW}))")),
        ]);
        // Of the two counts, which have no labels but their figure's, the first is taken that is told.
        join([figures, self.down(&[uname]), kube, together(count)])
    }

    /// All that node_exporter says of machines whose series any of these conditions holds of.
    fn figures(&self, any: &[String]) -> String {
        let each = |series: &dyn Fn(&str) -> String| any.iter().map(|of| series(of)).collect::<Vec<_>>().join(" or ");
        let over = &self.over;
        let gauges = each(&|of| format!("{{{of}__name__=~\"{GAUGES}\"}} or {{{of}{FILESYSTEMS}, __name__=~\"{SPACE}\"}}"));
        let cpu = |which: &str| each(&|of| format!("rate(node_cpu_seconds_total{{{of}mode{which}}}[{over}])"));
        let waiting = |what: &str| {
            format!("max by ({BY}) ({})", each(&|of| format!("rate(node_pressure_{what}_waiting_seconds_total{{{of}}}[{over}])")))
        };
        let later = each(&|of| format!("predict_linear(node_filesystem_avail_bytes{{{of}{FILESYSTEMS}}}[1h], {FULL_WITHIN})"));
        let busy = each(&|of| format!("rate(node_disk_io_time_seconds_total{{{of}{DISKS}}}[{over}])"));
        join([
            named_by("__name__", &format!("max by (__name__, {BY}, mountpoint) ({gauges})")),
            named_by("mode", &format!("avg by ({BY}, mode) ({})", cpu("=~\"iowait|steal\""))),
            together([
                // What is left beside idling would be all of the time where the series have just begun.
                ("busy", format!("avg by ({BY}) (sum by ({BY}, cpu) ({}))", cpu("!~\"idle|iowait\""))),
                ("uname", format!("max by ({BY}, nodename) ({})", each(&|of| format!("node_uname_info{{{of}}}")))),
                ("processors", format!("count by ({BY}) ({})", each(&|of| format!("node_cpu_seconds_total{{{of}mode=\"idle\"}}")))),
                ("later", format!("max by ({BY}, mountpoint) ({later}) < 0")),
                ("disk busy", format!("max by ({BY}, device) ({busy})")),
                ("CPU", waiting("cpu")),
                ("memory", waiting("memory")),
                ("I/O", waiting("io")),
                ("OOM kills", format!("max by ({BY}) ({})", each(&|of| format!("increase(node_vmstat_oom_kill{{{of}}}[1h])")))),
            ]),
        ])
    }

    /// The instances that are not well, as vectors of which any may have them. Nothing is left out that a row would be at
    /// fault for.
    fn bad(&self) -> Vec<String> {
        let (of, over) = (&self.scope, &self.over);
        let from = |query: String, bounds: Bounds| format!("({query} >= {})", bounds.warn);
        let rate = |metric: &str, more: &str| format!("rate({metric}{{{of}{more}}}[{over}])");
        let mode = |which: &str| format!("avg by ({BY}) ({})", rate("node_cpu_seconds_total", &format!("mode=\"{which}\"")));
        let waiting = |what: &str| rate(&format!("node_pressure_{what}_waiting_seconds_total"), "");
        let space = |which: &str| format!("node_filesystem_{which}{{{of}{FILESYSTEMS}}}");
        let used = format!("1 - {} / {}", space("avail_bytes"), space("size_bytes"));
        let later = format!("predict_linear({}[1h], {FULL_WITHIN}) < 0", space("avail_bytes"));
        vec![
            // Processors that wait for a disk are as bad.
            format!("({} <= {})", mode("idle"), 1.0 - CPU.warn),
            from(mode("iowait"), IOWAIT),
            from(mode("steal"), STEAL),
            from(format!("max by ({BY}) (node_load1{{{of}}}) / count by ({BY}) (node_cpu_seconds_total{{{of}mode=\"idle\"}})"), LOAD),
            from(format!("1 - node_memory_MemAvailable_bytes{{{of}}} / node_memory_MemTotal_bytes{{{of}}}"), MEMORY),
            from(used.clone(), DISK),
            from(format!("1 - {} / ({} > 0)", space("files_free"), space("files")), DISK),
            format!("({used} >= {FILLING} and {later})"),
            from(rate("node_disk_io_time_seconds_total", DISKS), DISK_BUSY),
            from(waiting("cpu"), CPU_WAIT),
            from(waiting("memory"), MEMORY_WAIT),
            from(waiting("io"), IO_WAIT),
            from(format!("increase(node_vmstat_oom_kill{{{of}}}[1h])"), OOM_KILLS),
            from(format!("node_nf_conntrack_entries{{{of}}} / node_nf_conntrack_entries_limit{{{of}}}"), CONNECTIONS),
            from(format!("abs(node_timex_offset_seconds{{{of}}})"), CLOCK),
        ]
    }

    /// When exporters were there last that do not answer: by what they told of themselves before, or by the names of jobs.
    fn down(&self, uname: &[String]) -> String {
        let reach = &self.reach;
        let seen = uname.iter().map(|uname| format!("max_over_time(timestamp({uname})[{reach}:1m])")).collect::<Vec<_>>().join(" or ");
        let down = self.mine.iter().map(|of| format!("up{{{of}{JOBS}}} == 0")).collect::<Vec<_>>().join(" or ");
        let up = format!("up{{{}}} == 0", self.scope);
        together([
            ("down", format!("max by (job, {BY}, nodename) ({seen}) and on (cluster, job, instance) ({up})")),
            ("not up", format!("max by (job, {BY}) ({down})")),
        ])
    }

    /// What Kubernetes says of the subject's machines.
    fn states(&self) -> String {
        let of = &self.kube;
        together([
            ("condition", format!("max by (cluster, node, condition, status) ({})", conditions(of))),
            ("cordoned", self.cordoned(of)),
            ("address", format!("max by (cluster, node, internal_ip) (kube_node_info{{{of}}})")),
        ])
    }

    fn cordoned(&self, of: &str) -> String {
        format!("max by (cluster, node) (kube_node_spec_unschedulable{{{of}}} == 1)")
    }

    /// Conditions of any machine that should not hold.
    fn trouble(&self) -> String {
        let of = &self.scope;
        let not_ready = format!("{CONDITION}{{{of}condition=\"Ready\", status!=\"true\"}} == 1");
        format!("({not_ready} or {CONDITION}{{{of}{TROUBLE}, status=\"true\"}} == 1 or kube_node_spec_unschedulable{{{of}}} == 1)")
    }
}

/// Whether nodes are ready, and what holds that should not.
fn conditions(of: &str) -> String {
    format!("{CONDITION}{{{of}condition=\"Ready\"}} == 1 or {CONDITION}{{{of}{TROUBLE}, status=\"true\"}} == 1")
}

/// `web-1` of `web-1.example.com`; an address has none.
pub(super) fn first_name(name: &str) -> &str {
    if name.parse::<IpAddr>().is_ok() { name } else { name.split('.').next().unwrap_or(name) }
}

fn join(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().collect::<Vec<_>>().join(" or ")
}
