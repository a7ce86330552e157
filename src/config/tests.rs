use std::{fs, path::Path};

use url::Url;

use super::{file::apply, *};
use crate::log_fields::trace_id::{Base, Rule};

/// Loads a text as the user's file, in a folder of its own.
fn load_text(text: &str, request: &Request) -> Result<Loaded, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.toml"), text).unwrap();
    load(request, &System { config_folder: Some(folder.path().to_owned()), ..System::default() })
}

fn needed() -> Request {
    Request { environment_needed: true, ..Request::default() }
}

#[test]
fn the_defaults_are_valid_and_complete() {
    let loaded = load(&Request::default(), &System::default()).unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let config = loaded.config;
    let Display { theme, time_zone, mouse, ascii, .. } = config.display;
    assert_eq!((theme.as_str(), time_zone, mouse, ascii), ("dark", Zone::Utc, true, None));
    assert_eq!(config.limits.log_buffer, 64 << 20);
    assert_eq!(config.limits.max_fps, 30);
    assert_eq!(config.limits.body, 32 << 20);
    assert_eq!(config.thresholds.default, Threshold { errors: 0.01, p95: Duration::from_secs(1) });
    assert_eq!(config.environment, None);
    assert_eq!(config.log_file, None);
    assert!(config.refresh.health > Duration::ZERO && config.refresh.alerts > Duration::ZERO);
}

/// The default file with its examples (`#key`, `#[table]`) made real.
fn examples() -> String {
    let real = |line: &str| {
        line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase())).map(str::to_owned)
    };
    DEFAULT_CONFIG.lines().map(|line| real(line).unwrap_or(line.to_owned()) + "\n").collect()
}

#[test]
fn every_key_is_in_the_default_file_with_a_comment() {
    let text = examples();
    let mut config = Config::default();
    let applied = apply(&mut config, "config.toml", &text, Path::new("/etc"), Some(Path::new("/home/a")));
    assert_eq!(applied.errors, []);
    let asked = applied.asked;
    assert!(asked.len() > 25, "{asked:?}");
    for key in asked {
        let found = text
            .lines()
            .any(|line| line.starts_with(&format!("{key} = ")) || line.contains(&format!("{{ {key} = ")) || is_table(line, key));
        assert!(found || text.contains(&format!(", {key} = ")), "`{key}` is not in config.toml");
    }
    let lines: Vec<&str> = DEFAULT_CONFIG.lines().collect();
    for pair in lines.windows(2).filter(|pair| pair[1].contains(" = ") && !pair[1].starts_with("# ") && !pair[1].starts_with("#url")) {
        assert!(pair[0].starts_with('#'), "no comment above: {}", pair[1]);
    }
    let prod = &config.environments["prod"];
    assert_eq!(prod.backends.len(), 4);
    let password = SecretConfig::File("/home/a/.config/redline/prometheus.password".into());
    assert_eq!(prod.backends[&Backend::Prometheus].auth, AuthConfig::Basic { username: "oncall".into(), password });
    assert_eq!(prod.backends[&Backend::Loki].tenant.as_deref(), Some("payments"));
    assert_eq!(config.thresholds.of("checkout").errors, 0.001);
    assert_eq!(config.thresholds.of("orders").errors, 0.01);
    let slos: Vec<(&str, Option<&str>, f64)> = config.slos.iter().map(|s| (s.name.as_str(), s.service.as_deref(), s.target)).collect();
    assert_eq!(slos, [("checkout-availability", Some("checkout"), 0.999)]);
}

#[test]
fn an_objective_may_leave_out_what_is_usual() {
    let text = "[environments.a.prometheus]\nurl = 'http://h'\n[[slos]]\nname = 'a'\ngood = 'g'\ntotal = 't'\ntarget = 0.9\n";
    let slo = load_text(text, &needed()).unwrap().config.slos.remove(0);
    assert_eq!((slo.service, slo.window), (None, Duration::from_secs(30 * 86_400)));
}

fn is_table(line: &str, key: &str) -> bool {
    line.starts_with('[') && line.trim_matches(['[', ']']).split('.').any(|part| part == key)
}

#[test]
fn each_invalid_file_gives_its_expected_message() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs/invalid");
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        count += 1;
        let request = Request { config: Some(path.clone()), ..needed() };
        let error = load(&request, &System::default()).expect_err(&format!("{} must be refused", path.display()));
        let said = format!("{error}\n").replace(&format!("{}/", folder.display()), "");
        let beside = path.with_extension("expected");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&beside, &said).unwrap();
        }
        let expected = fs::read_to_string(beside).unwrap_or_default();
        assert_eq!(said, expected, "{}", path.display());
        assert!(!said.contains("hunter2"), "a secret is shown: {said}");
    }
    assert!(count >= 20, "only {count} files in {}", folder.display());
}

proptest::proptest! {
    #[test]
    fn no_wrong_file_repeats_a_secret(secret in "[!-~]{0,4}Zq9x[!-~]{0,6}", line in 0_usize..24) {
        let url = format!("http://me:{secret}@host:9090");
        let text = [
            format!("[environments.a.loki]\nurl = '{url}'"),
            format!("[environments.a.loki]\nurl = \"{url}\""),
            format!("[environments.a.loki]\nurl = {url}"),
            format!("[environments.a.loki]\nurl '{url}'"),
            format!("[environments.a.loki]\nurl = '{url}"),
            format!("[environments.a.loki]\nurl = ['{url}']"),
            format!("[environments.a.loki]\nurl = '{url}' x"),
            format!("[environments.a]\nloki = '{url}'"),
            format!("environments = '{url}'"),
            format!("[environments.a.loki]\nurl = 'http://h'\nbearer = '{secret}'"),
            format!("[environments.a.loki]\nurl = 'http://h'\nbearer = {secret}"),
            format!("[environments.a.loki]\nurl = 'http://h'\nbearer = ['{secret}']"),
            format!("[environments.a.loki]\nurl = 'http://h'\nbasic = 'me:{secret}'"),
            format!("[environments.a.loki]\nurl = 'http://h'\nbasic = {{ username = 'me', password = '{secret}' }}"),
            format!("[environments.a.loki]\nurl = 'http://h'\nbasic = {{ username = 'me', password = {secret} }}"),
            format!("[environments.a.loki]\nurl = 'http://h'\nbasic = {{ username = 'me', pasword = '{secret}' }}"),
            format!("[environments.a.loki]\nurl = 'http://h'\nheaders = 'Authorization: {secret}'"),
            format!("[environments.a.loki]\nurl = 'http://h'\nheaders = {{ Authorization = '{secret}' }}"),
            format!("[environments.a.loki]\nurl = 'http://h'\ntoken = '{secret}'"),
            format!("[environments.a.loki]\nurl = 'http://h'\ntimeout = '{secret}'"),
            format!("default_environment = '{url}'"),
            format!("[display]\ntime_zone = '{url}'"),
            format!("[labels]\nlogs_service = ['{url}']"),
            format!("'{url}' = 1"),
        ];
        let said = match load_text(&text[line], &needed()) {
            Err(error) => error.to_string(),
            Ok(loaded) => panic!("{loaded:?}"),
        };
        proptest::prop_assert!(!said.contains("Zq9x"), "{}\n{}", text[line], said);
        proptest::prop_assert!(!said.is_empty());
    }
}

#[test]
fn a_full_environment_is_read() {
    let text = r#"
        [environments.prod.loki]
        url = "https://proxy:8443/loki"
        headers = { "X-Team" = "a", "X-Token" = { command = ["pass", "show", "x"] } }
        tenant = "t"
        timeout = "3s"
        insecure_skip_verify = true
        [environments.prod.otlp]
        url = "http://127.0.0.1:4318"
    "#;
    let config = load_text(text, &needed()).unwrap().config;
    let (name, environment) = config.current().unwrap();
    assert_eq!(name, "prod");
    let loki = &environment.backends[&Backend::Loki];
    assert_eq!(loki.url.as_str(), "https://proxy:8443/loki");
    assert_eq!(loki.timeout, Duration::from_secs(3));
    assert!(loki.insecure_skip_verify);
    let command = SecretConfig::Command(vec!["pass".into(), "show".into(), "x".into()]);
    assert_eq!(loki.headers, [("X-Team".into(), SecretConfig::Plain("a".into())), ("X-Token".into(), command)]);
    assert_eq!(environment.otlp.as_ref().unwrap().timeout, Duration::from_secs(10));
    assert!(!environment.backends.contains_key(&Backend::Tempo));
}

#[test]
fn labels_and_trace_id_patterns_are_read() {
    let text = "[labels]\nmetrics_service = ['team', 'job']\ntraces_service = ['k8s.deployment.name']\n[trace_ids]\npatterns = ['t=(?<trace_id>\\w+)']\n";
    let config = load_text(text, &Request::default()).unwrap().config;
    assert_eq!(config.labels.metrics_service, ["team", "job"]);
    assert_eq!(config.labels.traces_service, ["k8s.deployment.name"]);
    assert_eq!(config.labels.logs_service, Vec::<String>::new());
    assert_eq!(config.trace_ids, [regex::Regex::new(r"t=(?<trace_id>\w+)").unwrap()].into_iter().collect());
    assert_ne!(config.trace_ids, Default::default());
}

#[test]
fn patterns_of_trace_ids_may_say_their_base() {
    let text = "[trace_ids]\npatterns = ['t=(?<trace_id>\\w+)', { regex = 'dd=(?<trace_id>\\d+)', base = 10 }]\n";
    let own = load_text(text, &Request::default()).unwrap().config.trace_ids;
    let rule = |regex: &str, base| Rule { regex: regex::Regex::new(regex).unwrap(), base };
    assert_eq!(own, [rule(r"t=(?<trace_id>\w+)", Base::Any), rule(r"dd=(?<trace_id>\d+)", Base::Decimal)].into_iter().collect());
    for (patterns, wrong) in [
        ("{ regex = '(?<trace_id>x)', base = 12 }", "ids are not written in base 12"),
        ("{ base = 10 }", "the pattern has no regex"),
        ("{ regex = 'x' }", "the pattern has no group trace_id"),
        ("{ regex = '(?<trace_id>x)', bse = 10 }", "unknown key `bse` in [trace_ids.patterns]"),
        ("'('", "not a regular expression: unclosed group"),
        ("7", "`trace_ids.patterns` is an integer"),
    ] {
        let error = load_text(&format!("[trace_ids]\npatterns = [{patterns}]\n"), &Request::default()).unwrap_err();
        assert!(error.to_string().contains(wrong), "{error}");
    }
}

#[test]
fn bad_keys_and_a_bad_theme_value_only_warn() {
    let text = "[display]\ntheme = 3\n[keys]\nquit = 7\ntop = 'home'\nlogs = ['l', 'ctrl-l']\n";
    let loaded = load_text(text, &Request::default()).unwrap();
    let said: Vec<String> = loaded.warnings.iter().map(|w| format!("{:?} {}", w.at, w.message)).collect();
    assert_eq!(said, ["Some((2, 9)) `display.theme` is an integer", "Some((4, 8)) `keys.quit` is an integer"]);
    assert_eq!(loaded.config.display.theme, "dark");
    assert_eq!(loaded.config.keys["top"].keys, ["home"]);
    assert_eq!(loaded.config.keys["logs"].keys, ["l", "ctrl-l"]);
    assert_eq!(loaded.config.keys["logs"].place.at, (6, 8));
}

#[test]
fn several_alertmanagers_are_read_from_the_file_and_the_command_line() {
    let text = r#"
        [[environments.a.alertmanager]]
        url = "http://one:9093/am/"
        bearer = { env = "T" }
        [[environments.a.alertmanager]]
        url = "http://two:9093"
        name = "us"
        tenant = "t"
    "#;
    let all = |loaded: &Loaded| {
        let environment = loaded.config.current().unwrap().1;
        let all = environment.backends.get(&Backend::Alertmanager).into_iter().chain(&environment.alertmanagers);
        all.map(|e| (e.called(), e.url.to_string(), e.auth != AuthConfig::None)).collect::<Vec<_>>()
    };
    let of = |name: &str, url: &str, auth| (name.to_owned(), url.to_owned(), auth);
    let loaded = load_text(text, &needed()).unwrap();
    let two = of("us", "http://two:9093/", false);
    assert_eq!(all(&loaded), [of("one:9093/am", "http://one:9093/am/", true), two.clone()]);
    let given = |urls: &[&str]| {
        let urls = urls.iter().map(|u| Url::parse(u).unwrap()).collect();
        load_text(text, &Request { urls: [(Backend::Alertmanager, urls)].into(), ..needed() }).unwrap()
    };
    let loaded = given(&["http://two:9093", "http://one:9093", "http://three:9093"]);
    let expected = [two, of("one:9093", "http://one:9093/", true), of("three:9093", "http://three:9093/", false)];
    assert_eq!(all(&loaded), expected, "credentials stay at their host");
    assert!(
        loaded.warnings.len() == 1 && loaded.warnings[0].to_string().contains("its credentials and tenant are not sent"),
        "{:?}",
        loaded.warnings
    );
    assert_eq!(all(&given(&["http://one:9093"])).len(), 1, "the command line replaces all");
    assert_eq!(all(&given(&["http://one:9093", "http://two:9093", "http://one:9093"])).len(), 2, "one that is repeated is one");
}

#[test]
fn an_address_of_the_command_line_is_the_one_of_the_file_that_is_the_same() {
    let text = "[[environments.a.alertmanager]]\nname = 'eu'\nurl = 'http://proxy/eu'\ntenant = 'e'\ninsecure_skip_verify = true\n\
                [[environments.a.alertmanager]]\nname = 'us'\nurl = 'http://proxy/us'\ntenant = 'u'\n";
    let given = |urls: &[&str]| {
        let urls = urls.iter().map(|u| Url::parse(u).unwrap()).collect();
        let loaded = load_text(text, &Request { urls: [(Backend::Alertmanager, urls)].into(), ..needed() }).unwrap();
        let environment = loaded.config.current().unwrap().1;
        let all = environment.backends.get(&Backend::Alertmanager).into_iter().chain(&environment.alertmanagers);
        let told: Vec<_> = all.map(|e| (e.called(), e.tenant.clone(), e.insecure_skip_verify)).collect::<Vec<_>>();
        (told, loaded.warnings.len())
    };
    let of = |name: &str, tenant: Option<&str>, insecure| (name.to_owned(), tenant.map(str::to_owned), insecure);
    let both = vec![of("us", Some("u"), false), of("eu", Some("e"), true)];
    assert_eq!(given(&["http://proxy/us", "http://proxy/eu"]), (both, 0));
    assert_eq!(given(&["http://other/eu"]), (vec![of("other/eu", None, false)], 1), "another host gets no tenant and is verified");
}

fn urls(pairs: &[(Backend, &str)]) -> Request {
    Request { urls: pairs.iter().map(|(b, u)| (*b, vec![Url::parse(u).unwrap()])).collect(), ..needed() }
}

#[test]
fn addresses_alone_make_an_environment() {
    let loaded = load(&urls(&[(Backend::Prometheus, "http://a:9090")]), &System::default()).unwrap();
    let (name, environment) = loaded.config.current().unwrap();
    assert_eq!(name, COMMAND_LINE);
    assert_eq!(environment.backends.len(), 1);
    assert_eq!(environment.backends[&Backend::Prometheus].timeout, Duration::from_secs(10));
}

#[test]
fn an_address_overrides_and_takes_credentials_only_to_the_same_host() {
    let text = "[environments.prod.loki]\nurl = 'http://a:1/x'\nbearer = { env = 'T' }\n[environments.prod.tempo]\nurl = 'http://t:1'\n";
    let same = load_text(text, &urls(&[(Backend::Loki, "http://a:1/y")])).unwrap();
    let loki = &same.config.current().unwrap().1.backends[&Backend::Loki];
    assert_eq!(loki.url.path(), "/y");
    assert_eq!(loki.auth, AuthConfig::Bearer(SecretConfig::Env("T".into())));
    assert!(same.warnings.is_empty());
    let other = load_text(text, &urls(&[(Backend::Loki, "http://evil:1")])).unwrap();
    let environment = other.config.current().unwrap().1;
    assert_eq!(environment.backends[&Backend::Loki].auth, AuthConfig::None);
    assert_eq!(environment.backends[&Backend::Tempo].url.host_str(), Some("t"));
    assert!(other.warnings[0].to_string().starts_with("--loki: another host"), "{}", other.warnings[0]);
}

#[test]
fn the_environment_is_the_named_the_default_or_the_only_one() {
    let two = "default_environment = 'b'\n[environments.a.loki]\nurl = 'http://a'\n[environments.b.loki]\nurl = 'http://b'\n";
    let named = Request { environment: Some("a".into()), ..needed() };
    assert_eq!(load_text(two, &needed()).unwrap().config.environment.as_deref(), Some("b"));
    assert_eq!(load_text(two, &named).unwrap().config.environment.as_deref(), Some("a"));
    let error = load_text("[environments.aa.loki]\nurl = 'http://a'\n", &named).unwrap_err();
    assert_eq!(error.to_string(), "--env: there is no environment \"a\". Did you mean \"aa\"?");
}

#[test]
fn a_missing_secret_of_another_environment_only_warns() {
    let text = "default_environment = 'b'\n[environments.a.loki]\nurl = 'http://a'\nbearer = { file = 'nowhere' }\n[environments.b.loki]\nurl = 'http://b'\n";
    let loaded = load_text(text, &needed()).unwrap();
    assert!(loaded.warnings[0].message.contains("nowhere cannot be read: no such file"), "{:?}", loaded.warnings);
    let named = Request { environment: Some("a".into()), ..needed() };
    assert!(load_text(text, &named).is_err());
}

#[test]
fn the_file_is_looked_up_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        path
    };
    let (flag, var, user, all) = (put("flag.toml"), put("var.toml"), put("user/config.toml"), put("etc/config.toml"));
    let mut system = System { config_folder: user.parent().map(Path::to_owned), system_config: Some(all.clone()), ..System::default() };
    system.vars.insert("REDLINE_CONFIG".into(), var.display().to_string());
    let mut request = Request { config: Some(flag.clone()), ..Request::default() };
    let path = |request: &Request, system: &System| load(request, system).unwrap().path;
    assert_eq!(path(&request, &system), Some(flag));
    request.config = None;
    assert_eq!(path(&request, &system), Some(var));
    system.vars.clear();
    assert_eq!(path(&request, &system), Some(user.clone()));
    fs::remove_file(&user).unwrap();
    assert_eq!(path(&request, &system), Some(all.clone()));
    fs::remove_file(&all).unwrap();
    assert_eq!(path(&request, &system), None);
    request.config = Some(folder.path().join("none.toml"));
    let error = load(&request, &system).unwrap_err().to_string();
    assert!(error.ends_with("none.toml: no such file. It was named by --config."), "{error}");
}

#[test]
fn without_a_file_the_way_out_is_said() {
    let error = load(&needed(), &System::default()).unwrap_err().to_string();
    assert!(error.contains("redline init") && error.contains("redline demo"), "{error}");
}
