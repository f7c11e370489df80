//! Which layer wins, what is refused, and in which words.

use super::*;

fn environment(folder: &Path, variables: &[(&str, &str)]) -> Environment {
    Environment::made_of(folder, variables)
}

fn flag(key: Key, value: impl Into<Value>) -> Vec<(Key, Value)> {
    vec![(key, value.into())]
}

fn refused(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("forgecast.toml"), text).unwrap();
    let error = Config::resolve(&environment(folder.path(), &[]), None, Vec::new())
        .unwrap_err()
        .to_string();
    error.replace(&folder.path().display().to_string(), "")
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forgecast.toml");
    let port = |variables: &[(&str, &str)], flags| {
        let config = Config::resolve(&environment(folder.path(), variables), None, flags).unwrap();
        (config.port, config.provenance(key!(port)))
    };
    assert_eq!(port(&[], Vec::new()), (8080, Provenance::Default));
    std::fs::write(&path, "port = 1\n").unwrap();
    assert_eq!(port(&[], Vec::new()), (1, Provenance::File(path)));
    let variable = [("FORGECAST_PORT", "2")];
    assert_eq!(
        port(&variable, Vec::new()),
        (2, Provenance::Variable("FORGECAST_PORT".to_owned()))
    );
    assert_eq!(port(&variable, flag(key!(port), 3)), (3, Provenance::Flag));
}

#[test]
fn legacy_variables_keep_their_meaning_below_our_own() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("forgecast.toml"), "port = 1\n").unwrap();
    let set = [
        ("LIVESTREAM_HOST", "127.0.0.1"),
        ("LIVESTREAM_PORT", "9000"),
        ("CHECKPOINTS_DIR", "checkpoints/ralph"),
        ("LOGS_DIR", "/var/log/builds"),
        ("METRICS_RETENTION_DAYS", "30"),
    ];
    let config = Config::resolve(&environment(folder.path(), &set), None, Vec::new()).unwrap();
    assert_eq!((config.port, config.store.retention_days), (9000, 30));
    assert_eq!(config.checkpoints, [folder.path().join("checkpoints/ralph")]);
    assert_eq!(config.logs, [Path::new("/var/log/builds")]);
    for (name, key) in [("LIVESTREAM_HOST", key!(host)), ("LIVESTREAM_PORT", key!(port))] {
        assert_eq!(config.provenance(key), Provenance::Variable(name.to_owned()));
    }
    assert!(show(&config).contains("# LIVESTREAM_PORT"), "{}", show(&config));
    let both = [("LIVESTREAM_PORT", "9000"), ("FORGECAST_PORT", "2")];
    let config = Config::resolve(&environment(folder.path(), &both), None, Vec::new()).unwrap();
    assert_eq!(
        config.provenance(key!(port)),
        Provenance::Variable("FORGECAST_PORT".to_owned())
    );
}

#[test]
fn a_legacy_variable_with_an_unusable_value_is_ignored_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let set = [
        ("LIVESTREAM_PORT", "many"),
        ("METRICS_RETENTION_DAYS", "0"),
        ("LOGS_DIR", ""),
    ];
    let config = Config::resolve(&environment(folder.path(), &set), None, Vec::new()).unwrap();
    assert_eq!((config.port, config.store.retention_days), (8080, 90));
    let said = config
        .warnings
        .iter()
        .filter(|warning| warning.contains("is ignored"))
        .count();
    assert_eq!(said, 2, "{:?}", config.warnings);
}

#[test]
fn the_file_in_the_current_folder_is_taken_before_the_one_at_home() {
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir_all(home.path().join(".config/forgecast")).unwrap();
    std::fs::write(home.path().join(".config/forgecast/forgecast.toml"), "port = 5\n").unwrap();
    let environment = environment(folder.path(), &[("HOME", home.path().to_str().unwrap())]);
    assert_eq!(Config::resolve(&environment, None, Vec::new()).unwrap().port, 5);
    std::fs::write(folder.path().join("forgecast.toml"), "port = 6\n").unwrap();
    assert_eq!(Config::resolve(&environment, None, Vec::new()).unwrap().port, 6);
}

#[test]
fn an_unknown_key_is_refused_with_the_one_that_was_meant() {
    insta::assert_snapshot!(refused("prot = 1"), @"/forgecast.toml: unknown key `prot`; did you mean `port`?");
    insta::assert_snapshot!(refused("[sources]\ndebounce = 1"), @"/forgecast.toml: unknown key `sources.debounce`; did you mean `sources.debounce_ms`?");
    insta::assert_snapshot!(refused("color = 'red'"), @"/forgecast.toml: unknown key `color`; `forgecast config default` lists the keys");
}

#[test]
fn a_value_that_cannot_be_is_refused_with_what_can() {
    insta::assert_snapshot!(refused("port = 70000"), @"/forgecast.toml: `port` must be a whole number from 0 to 65535");
    insta::assert_snapshot!(refused("[log]\nlevel = 'loud'"), @"/forgecast.toml: `log.level` must be one of error, warn, info, debug, trace");
    insta::assert_snapshot!(refused("port = 1\nroots = = 2"), @"/forgecast.toml, line 2: not TOML: extra `=`, expected nothing");
    insta::assert_snapshot!(refused("roots = 'x'"), @"/forgecast.toml: `roots` must be a list of paths in UTF-8");
}

#[test]
fn a_host_is_an_address_in_any_spelling() {
    let folder = tempfile::tempdir().unwrap();
    let resolve = |host: &str| Config::resolve(&environment(folder.path(), &[]), None, flag(key!(host), host));
    for (host, address) in [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("0", "0.0.0.0"),
        ("*", "0.0.0.0"),
        ("::ffff:0.0.0.0", "0.0.0.0"),
        ("::", "::"),
        ("[::]", "::"),
        ("0:0:0:0:0:0:0:0", "::"),
        ("192.168.1.4", "192.168.1.4"),
    ] {
        assert_eq!(resolve(host).unwrap().host.to_string(), address, "{host}");
    }
    for host in ["example.org", "", "127.1", "0x7f000001", "00.0.0.0", "1"] {
        let error = resolve(host).unwrap_err().to_string();
        assert!(
            error.contains("IP address") && error.contains("command line"),
            "{error}"
        );
    }
    let environment = environment(folder.path(), &[("LIVESTREAM_HOST", "0.0.0.0")]);
    let config = Config::resolve(&environment, None, Vec::new()).unwrap();
    assert!(config.host.is_unspecified(), "as its users know it");
}

#[test]
fn a_certificate_is_whole_or_made_here() {
    let said = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("forgecast.toml"), text).unwrap();
        Config::resolve(&environment(folder.path(), &[]), None, Vec::new()).map(|config| config.encryption)
    };
    assert_eq!(said("").unwrap(), Encryption::None);
    assert_eq!(
        said("[server]\ntls_self_signed = true").unwrap(),
        Encryption::SelfSigned
    );
    let own = said("[server]\ntls_certificate = '/a'\ntls_key = '/b'").unwrap();
    assert!(matches!(own, Encryption::Certificate { key, .. } if key == Path::new("/b")));
    for text in [
        "tls_certificate = '/a'",
        "tls_key = '/b'",
        "tls_self_signed = true\ntls_key = '/b'",
    ] {
        let error = said(&format!("[server]\n{text}")).unwrap_err().to_string();
        assert!(
            error.contains("forgecast.toml: set both `server.tls_certificate`"),
            "{error}"
        );
    }
}

#[test]
fn proxies_are_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let resolve = |text| {
        Config::resolve(
            &environment(folder.path(), &[("FORGECAST_SERVER_TRUSTED_PROXIES", text)]),
            None,
            Vec::new(),
        )
    };
    let config = resolve("10.0.0.1,::1").unwrap();
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert!(config.requires_local_tokens(), "a request may come through the proxy");
    assert!(!resolve("").unwrap().requires_local_tokens());
    insta::assert_snapshot!(resolve("10.0.0.0/8").unwrap_err(), @"FORGECAST_SERVER_TRUSTED_PROXIES: `server.trusted_proxies` must be a list of IP addresses");
}

#[test]
fn what_is_not_utf_8_is_not_taken_for_another_folder() {
    let folder = tempfile::tempdir().unwrap();
    let flags = vec![(key!(roots), Value::Array(vec![Value::String("a\u{fffd}".to_owned())]))];
    let refused = Config::resolve(&environment(folder.path(), &[]), None, flags).unwrap_err();
    let refused = refused
        .to_string()
        .replace(&folder.path().display().to_string(), "<folder>");
    insta::assert_snapshot!(refused, @r#"command line: `roots` must be a list of paths in UTF-8, not "<folder>/a�""#);
    let refused =
        Config::resolve(&environment(folder.path(), &[("HOME", "/a\u{fffd}")]), None, Vec::new()).unwrap_err();
    insta::assert_snapshot!(refused, @"the home folder's name is not UTF-8; set HOME to a folder whose name is");
}

#[test]
fn a_variable_that_is_no_setting_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::resolve(
        &environment(folder.path(), &[("FORGECAST_PROT", "1"), ("HOME", "/nowhere")]),
        None,
        Vec::new(),
    )
    .unwrap();
    insta::assert_snapshot!(config.warnings.join("\n"), @"FORGECAST_PROT is not a setting; did you mean `FORGECAST_PORT`?");
}

#[test]
fn paths_are_relative_to_what_names_them() {
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = folder.path().join("etc/x.toml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "roots = ['a/', '~/b', '/c']\n").unwrap();
    let environment = environment(
        folder.path(),
        &[("HOME", home.path().to_str().unwrap()), ("FORGECAST_LOGS", "x:/y")],
    );
    let config = Config::resolve(&environment, Some(Path::new("etc/x.toml")), flag(key!(db), "here.db")).unwrap();
    assert_eq!(
        config.roots,
        [folder.path().join("etc/a"), home.path().join("b"), PathBuf::from("/c")]
    );
    assert_eq!(config.logs, [folder.path().join("x"), PathBuf::from("/y")]);
    assert_eq!(config.db, folder.path().join("here.db"));
}

#[test]
fn without_anything_said_the_current_folder_and_homelab_are_watched() {
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let home_variable = [("HOME", home.path().to_str().unwrap())];
    let in_folder = environment(folder.path(), &home_variable);
    let config = Config::resolve(&in_folder, None, Vec::new()).unwrap();
    let homelab = home.path().join("homelab");
    // None of them exists yet, and only the current folder has to.
    let below = |name: &str| [folder.path().join(name), homelab.join(name)];
    assert_eq!(config.roots, [folder.path().to_owned(), homelab.clone()]);
    assert_eq!(config.checkpoints, below("checkpoints/ralph"));
    assert_eq!(config.logs, below("logs"));
    let all = [(RootKind::Projects, homelab.clone())].into_iter();
    let all = all.chain(below("checkpoints/ralph").map(|path| (RootKind::Checkpoints, path)));
    let all: Vec<_> = all.chain(below("logs").map(|path| (RootKind::Logs, path))).collect();
    assert_eq!(config.optional, all);
    let named = Config::resolve(&in_folder, None, flag(key!(checkpoints), vec!["ralph"])).unwrap();
    let is_checkpoints = |(kind, _): &(RootKind, PathBuf)| *kind == RootKind::Checkpoints;
    assert!(!named.optional.iter().any(is_checkpoints), "what is named has to exist");
    let in_homelab = Config::resolve(&environment(&homelab, &home_variable), None, Vec::new()).unwrap();
    assert_eq!(in_homelab.roots, [homelab]);
    assert!(in_homelab.optional.iter().all(|(kind, _)| *kind != RootKind::Projects));
    assert_eq!(config.db, home.path().join(".local/share/forgecast/forgecast.db"));
}

#[test]
fn without_a_home_the_database_lies_among_temporary_files_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::resolve(&environment(folder.path(), &[("TMPDIR", "/var/tmp")]), None, Vec::new()).unwrap();
    assert!(config.db.starts_with("/var/tmp"), "{:?}", config.db);
    assert!(
        config.warnings.iter().any(|warning| warning.contains("--db")),
        "{:?}",
        config.warnings
    );
}

#[test]
fn the_default_file_changes_nothing_and_names_every_setting() {
    let folder = tempfile::tempdir().unwrap();
    let text = default_file();
    std::fs::write(folder.path().join("forgecast.toml"), &text).unwrap();
    let config = Config::resolve(&environment(folder.path(), &[]), None, Vec::new()).unwrap();
    for (key, variable) in keys() {
        assert_eq!(config.provenance_of(&key), Provenance::Default, "{key}");
        // The targets of notifications are set by the file only.
        assert_eq!(text.contains(&variable), key != "notify.targets", "{key}");
    }
    let uncommented: String = text
        .lines()
        .map(|line| {
            line.strip_prefix("# ")
                .filter(|rest| rest.contains(" = ") && !rest.contains('…'))
                .unwrap_or(line)
        })
        .fold(String::new(), |text, line| text + line + "\n");
    assert!(uncommented.parse::<Table>().is_ok(), "{uncommented}");
}

#[test]
fn each_value_is_shown_with_where_it_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::resolve(
        &environment(folder.path(), &[("FORGECAST_POLL", "1")]),
        None,
        flag(key!(port), 0),
    )
    .unwrap();
    let shown = show(&config);
    let line = |key: &str| {
        shown
            .lines()
            .find(|line| line.starts_with(key))
            .unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(line("port"), "port = 0 # command line");
    assert_eq!(line("poll"), "poll = true # FORGECAST_POLL");
    assert_eq!(line("viewers.total"), "viewers.total = 2000 # default");
}

#[test]
fn money_may_be_written_with_and_without_cents_and_is_absent_when_nobody_set_it() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[budgets]\nsession_usd = 20\nday_usd = 99.5\n";
    std::fs::write(folder.path().join("forgecast.toml"), text).unwrap();
    let variables = [("FORGECAST_BUDGETS_DAY_USD", "100.25")];
    let config = Config::resolve(&environment(folder.path(), &variables), None, Vec::new()).unwrap();
    assert_eq!(config.budgets.session_usd, Some(20.0));
    assert_eq!(config.budgets.day_usd, Some(100.25));
    assert_eq!(config.budgets.month_usd, None);
    assert_eq!(config.budgets.hard, []);
    insta::assert_snapshot!(refused("[budgets]\nday_usd = -1"), @"/forgecast.toml: `budgets.day_usd` must be an amount of US dollars");
    insta::assert_snapshot!(refused("[budgets]\nday_usd = \"much\""), @"/forgecast.toml: `budgets.day_usd` must be an amount of US dollars");
}

#[test]
fn folders_of_agents_are_those_that_were_named_else_those_the_agents_use() {
    let folder = tempfile::tempdir().unwrap();
    let paths = |variables: &[(&str, &str)], agent: &str| {
        let config = Config::resolve(&environment(folder.path(), variables), None, Vec::new()).unwrap();
        config.transcripts.agents.of(agent).to_owned()
    };
    let theirs = ("CLAUDE_CONFIG_DIR", "/a,/b/projects");
    assert_eq!(paths(&[theirs], "claude"), [Path::new("/a"), Path::new("/b")]);
    let ours = ("FORGECAST_TRANSCRIPTS_CLAUDE", "/c:/d");
    assert_eq!(paths(&[theirs, ours], "claude"), [Path::new("/c"), Path::new("/d")]);
    assert!(paths(&[], "foundry").is_empty(), "no home, no place");
}
