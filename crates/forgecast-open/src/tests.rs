use std::os::unix::fs::symlink;

use super::*;

const LIMIT: u64 = 1_024;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
    std::fs::write(folder.path().join("a/b/file"), "content").unwrap();
    folder
}

/// Both ways of opening must judge alike.
fn both(base: &Path, relative: &str) -> Vec<Result<OwnedFd, Errno>> {
    let base = Base::open(base).unwrap();
    let relative = Path::new(relative);
    let mut ways = vec![stepwise::open(base.0.as_fd(), relative, READING)];
    #[cfg(target_os = "linux")]
    ways.extend(linux::open(base.0.as_fd(), relative, READING));
    ways
}

#[test]
fn a_plain_file_is_read_and_identified() {
    let folder = folder();
    let (bytes, identity) = read(folder.path(), Path::new("a/b/file"), LIMIT).unwrap();
    assert_eq!((bytes.as_slice(), identity.size), (&b"content"[..], 7));
    assert!(both(folder.path(), "a/b/file").iter().all(Result::is_ok));
}

#[test]
fn no_way_leads_out_of_the_folder() {
    let folder = folder();
    for way in [
        "../x",
        "/etc/passwd",
        "a/../../x",
        "a/../a/b/file",
        "./a/b/file",
        "a/b/file\0",
    ] {
        let error = read(folder.path(), Path::new(way), LIMIT).unwrap_err();
        assert!(matches!(error, OpenError::Refused { .. }), "{way:?}: {error}");
    }
}

#[test]
fn links_are_refused_at_every_place_on_both_ways() {
    let (folder, outside) = (folder(), folder());
    symlink(outside.path().join("a/b/file"), folder.path().join("a/link")).unwrap();
    symlink(outside.path().join("a"), folder.path().join("linked")).unwrap();
    symlink("b", folder.path().join("a/inner")).unwrap();
    std::fs::hard_link(outside.path().join("a/b/file"), folder.path().join("a/hard")).unwrap();
    for name in ["a/link", "linked/b/file", "a/inner/file"] {
        assert!(both(folder.path(), name).iter().all(Result::is_err), "{name}");
        assert!(read(folder.path(), Path::new(name), LIMIT).is_err(), "{name}");
    }
    let error = read(folder.path(), Path::new("a/hard"), LIMIT).unwrap_err();
    assert!(matches!(error, OpenError::Refused { .. }), "{error}");
    let names = Base::open(folder.path()).unwrap().list(Path::new("")).unwrap();
    let link = names.iter().find(|entry| entry.name == "linked").unwrap();
    assert_eq!(link.kind, EntryKind::Other);
}

#[test]
fn a_folder_a_pipe_and_too_large_a_file_are_refused_without_reading() {
    let folder = folder();
    let error = read(folder.path(), Path::new("a/b"), LIMIT).unwrap_err();
    assert!(matches!(error, OpenError::Refused { what: "a folder", .. }), "{error}");
    #[cfg(target_os = "linux")]
    {
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
        let error = read(folder.path(), Path::new("pipe"), LIMIT).unwrap_err();
        assert!(matches!(error, OpenError::Refused { what: "a pipe", .. }), "{error}");
    }
    let huge = std::fs::File::create(folder.path().join("huge")).unwrap();
    huge.set_len(5 * 1024 * 1024 * 1024).unwrap();
    let error = read(folder.path(), Path::new("huge"), LIMIT).unwrap_err();
    assert!(matches!(error, OpenError::Oversize { .. }), "{error}");
    assert!(read(folder.path(), Path::new("none"), LIMIT).unwrap_err().is_missing());
}

#[test]
fn a_folder_that_is_a_link_is_opened_where_it_is_asked_for_and_nothing_below_it_is() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir(there.path().join("inner")).unwrap();
    std::fs::write(there.path().join("note"), "x").unwrap();
    symlink(there.path(), here.path().join("link")).unwrap();
    symlink(there.path().join("note"), here.path().join("file")).unwrap();
    symlink("nowhere", here.path().join("dangling")).unwrap();
    symlink(there.path(), there.path().join("inner/again")).unwrap();
    std::fs::create_dir(here.path().join("folder")).unwrap();
    symlink(here.path(), here.path().join("folder/around")).unwrap();
    let base = Base::open(here.path()).unwrap();
    let around = base.sub_or_link(Path::new("folder/around"));
    assert!(matches!(around, Err(OpenError::Refused { .. })), "{around:?}");
    assert!(base.sub(Path::new("link")).is_err());
    let linked = base.sub_or_link(Path::new("link")).unwrap();
    assert!(linked.file(Path::new("note"), 10).is_ok());
    assert!(linked.sub(Path::new("inner/again")).is_err());
    assert!(base.sub_or_link(Path::new("link/inner")).is_err(), "a link on the way");
    assert!(base.sub_or_link(Path::new("../link")).is_err());
    for missing in ["file", "dangling", "none"] {
        assert!(
            base.sub_or_link(Path::new(missing)).unwrap_err().is_missing(),
            "{missing}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn only_a_known_file_system_of_this_machine_is_local() {
    let file_system = |path: &str| Base::open(Path::new(path)).unwrap().file_system();
    assert_eq!(file_system("/proc"), FileSystem::Unknown);
    assert_eq!(file_system("/dev/shm"), FileSystem::Local, "tmpfs");
}
