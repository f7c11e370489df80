//! Keys in real files, changed by several at once, and cookies that somebody tampers with.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use forgecast_protocol::Clock;
use proptest::prelude::*;
use tempfile::TempDir;

use super::verify::Proof;
use super::*;

const HOUR: Duration = Duration::from_secs(3600);

/// A folder, and a clock that stands still until it is moved.
struct World {
    folder: TempDir,
    now: Arc<AtomicI64>,
}

impl World {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            now: Arc::new(AtomicI64::new(1_769_847_300_250)),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data/access.json")
    }

    /// As one process opens them.
    fn keys(&self) -> Keys {
        let now = Arc::clone(&self.now);
        let clock = Clock::new(move || Timestamp::from_millis(now.load(Ordering::Relaxed)));
        Keys::open(&self.path(), clock).unwrap()
    }

    fn credential(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.now.fetch_add(millis, Ordering::Relaxed);
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn session() -> SessionId {
    "weather-app~1".parse().unwrap()
}

#[test]
fn a_token_is_shown_once_and_only_its_hash_is_kept() {
    let world = World::new();
    let keys = world.keys();
    assert!(keys.is_empty() && !world.path().exists());
    for (role, start) in [(Role::View, "fc_v_"), (Role::Ingest, "fc_i_"), (Role::Admin, "fc_a_")] {
        let (info, text) = keys.add_token(role, role.as_ref()).unwrap();
        assert!(text.starts_with(start) && text.len() == 48, "{text}");
        assert_eq!((info.role, info.id.len()), (role, 8));
        assert!(matches!(keys.find(&text), Some(Principal::Token(found, _)) if found == role));
    }
    let (_, text) = keys.share(session(), HOUR).unwrap();
    assert!(text.starts_with("fc_s_"), "{text}");
    assert!(matches!(keys.find(&text), Some(Principal::ShareLink(shared, _)) if shared == session()));
    let on_disk = fs::read_to_string(world.path()).unwrap();
    assert!(!on_disk.contains("fc_") && !on_disk.contains(&text[5..]), "{on_disk}");
    assert!(!on_disk.contains(&keys.process_key()[5..]));
    assert!(!keys.is_empty());
    for wrong in [
        "",
        "fc_v_",
        &text[..47],
        &format!("{text}x"),
        &text.to_uppercase(),
        &"x".repeat(100_000),
    ] {
        assert_eq!(keys.find(wrong), None);
    }
}

#[test]
fn the_files_are_their_owners_only() {
    let world = World::new();
    let keys = world.keys();
    keys.add_token(Role::View, "phone").unwrap();
    let folder = world.path().parent().unwrap().to_owned();
    assert_eq!(mode(&folder), 0o700);
    let names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(
        names.len(),
        2,
        "the file and its lock, nothing is left behind: {names:?}"
    );
    assert!(names.iter().all(|path| mode(path) == 0o600), "{names:?}");
    fs::set_permissions(world.path(), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(world.keys().tokens().len(), 1);
    assert_eq!(mode(&world.path()), 0o600, "taken back from the others");
    let left = folder.join("access.json.new");
    fs::write(&left, "half of it").unwrap();
    fs::set_permissions(&left, fs::Permissions::from_mode(0o666)).unwrap();
    keys.add_token(Role::View, "laptop").unwrap();
    assert_eq!(
        mode(&world.path()),
        0o600,
        "what a kill left behind is not written into"
    );
}

#[test]
fn what_one_process_changes_another_sees_at_once() {
    let world = World::new();
    let (server, command) = (world.keys(), world.keys());
    let (info, text) = command.add_token(Role::View, "phone").unwrap();
    let principal = server.find(&text).unwrap();
    let credential = principal.credential().unwrap();
    assert!(server.is_valid(credential));
    assert_eq!(command.revoke_token("nobody").unwrap(), None);
    assert_eq!(command.revoke_token("phone").unwrap(), Some(info));
    assert_eq!(server.find(&text), None);
    assert!(!server.is_valid(credential));
    let (share, text) = command.share(session(), HOUR).unwrap();
    let guest = server.find(&text).unwrap();
    assert!(server.is_valid(guest.credential().unwrap()));
    assert_eq!(command.revoke_share(&share.id).unwrap(), Some(share));
    assert!(server.is_valid(guest.credential().unwrap()), "not looked at since");
    server.refresh();
    assert!(!server.is_valid(guest.credential().unwrap()));
    assert_eq!(server.find(&text), None);
}

#[test]
fn changes_of_many_at_once_are_all_there() {
    let world = World::new();
    std::thread::scope(|scope| {
        for process in 0..8 {
            let keys = world.keys();
            scope.spawn(move || {
                for number in 0..5 {
                    keys.add_token(Role::View, &format!("{process}/{number}")).unwrap();
                }
            });
        }
    });
    let tokens = world.keys().tokens();
    let ids: std::collections::BTreeSet<_> = tokens.iter().map(|token| &token.id).collect();
    assert_eq!((tokens.len(), ids.len()), (40, 40));
}

#[test]
fn a_share_link_expires_by_itself() {
    let world = World::new();
    let keys = world.keys();
    let (info, text) = keys.share(session(), HOUR).unwrap();
    assert_eq!(info.expires_at.millis_since(info.created_at), 3_600_000);
    let guest = keys.find(&text).unwrap();
    world.credential(HOUR - Duration::from_millis(1));
    assert!(keys.find(&text).is_some() && keys.is_valid(guest.credential().unwrap()));
    assert_eq!(keys.shares(), [info]);
    world.credential(Duration::from_millis(1));
    assert!(keys.find(&text).is_none() && !keys.is_valid(guest.credential().unwrap()));
    assert!(keys.shares().is_empty() && keys.is_empty());
    for lifetime in [Duration::ZERO, Duration::MAX] {
        assert!(keys.share(session(), lifetime).is_err());
    }
}

#[test]
fn a_rotated_role_has_one_token_and_the_others_keep_theirs() {
    let world = World::new();
    let keys = world.keys();
    let (_, kept) = keys.add_token(Role::Admin, "me").unwrap();
    let (_, old) = keys.add_token(Role::View, "wall").unwrap();
    let (_, older) = keys.add_token(Role::View, "phone").unwrap();
    let (info, new) = keys.rotate(Role::View).unwrap();
    assert_eq!(info.name, "phone");
    assert_eq!((keys.find(&old), keys.find(&older)), (None, None));
    assert!(keys.find(&new).is_some() && keys.find(&kept).is_some());
    assert_eq!(keys.tokens().len(), 2);
    assert_eq!(
        keys.rotate(Role::Ingest).unwrap().0.name,
        "ingest",
        "made when there was none"
    );
}

#[test]
fn a_name_is_one_persons_and_printable() {
    let world = World::new();
    let keys = world.keys();
    keys.add_token(Role::View, "phone").unwrap();
    assert_eq!(
        keys.add_token(Role::Admin, "phone").unwrap_err().kind(),
        std::io::ErrorKind::AlreadyExists
    );
    for name in ["", " ", "a ", "a\nb", "\u{1b}[2J", &"x".repeat(65)] {
        let error = keys.add_token(Role::View, name).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{name:?}");
    }
    assert_eq!(keys.tokens().len(), 1);
}

#[test]
fn a_file_that_is_nonsense_lets_nobody_in_and_is_not_overwritten() {
    let world = World::new();
    let keys = world.keys();
    let (_, text) = keys.add_token(Role::View, "phone").unwrap();
    for nonsense in ["", "{", "[]", r#"{"secret": "x"}"#] {
        fs::write(world.path(), nonsense).unwrap();
        assert_eq!(keys.find(&text), None, "{nonsense}");
        assert!(keys.is_empty());
        assert!(keys.add_token(Role::View, "laptop").is_err());
        assert_eq!(fs::read_to_string(world.path()).unwrap(), nonsense);
        let opened = Keys::open(&world.path(), Clock::new(Timestamp::default));
        assert_eq!(opened.unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    }
    assert!(
        keys.find(&keys.process_key()).is_some(),
        "the user's own commands still work"
    );
    fs::remove_file(world.path()).unwrap();
    assert!(keys.is_empty(), "no file, no tokens");
}

#[test]
fn a_cookie_survives_a_restart_and_dies_with_its_token() {
    let world = World::new();
    let keys = world.keys();
    let (_, text) = keys.add_token(Role::View, "phone").unwrap();
    let ticket = keys.ticket(&keys.find(&text).unwrap()).unwrap();
    assert_eq!(ticket.seconds, 30 * 24 * 3600);
    let signed_in = |keys: &Keys| match keys.find_signed(&ticket.value) {
        Proof::Principal(principal) => Some(principal),
        Proof::Forged | Proof::Nothing => None,
    };
    let again = world.keys();
    let principal = signed_in(&again).unwrap();
    assert!(
        matches!(&principal, Principal::Token(Role::View, credential) if credential.cookie && credential.until.is_some())
    );
    assert!(!ticket.value.contains(&text[5..]));
    world.credential(Duration::from_secs(30 * 24 * 3600));
    assert_eq!(signed_in(&again), None, "it expires");
    assert!(
        !again.is_valid(principal.credential().unwrap()),
        "what was opened with it, too"
    );
    world.now.fetch_sub(1_000, Ordering::Relaxed);
    assert!(signed_in(&again).is_some());
    keys.revoke_token("phone").unwrap();
    assert_eq!(signed_in(&again), None);
    let (_, shared) = keys.share(session(), HOUR).unwrap();
    assert_eq!(keys.ticket(&keys.find(&shared).unwrap()).unwrap().seconds, 3_600);
    let own = keys.ticket(&keys.find(&keys.process_key()).unwrap()).unwrap();
    assert!(matches!(
        keys.find_signed(&own.value),
        Proof::Principal(Principal::Token(Role::Admin, _))
    ));
    assert!(
        matches!(again.find_signed(&own.value), Proof::Nothing),
        "of another process"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_cookie_that_was_changed_anywhere_is_none(at in 0_usize..70, other in "[ -~]") {
        let world = World::new();
        let keys = world.keys();
        let (_, text) = keys.add_token(Role::View, "phone").unwrap();
        let value = keys.ticket(&keys.find(&text).unwrap()).unwrap().value;
        let mut changed = value.clone();
        let at = at % value.len();
        changed.replace_range(at..=at, &other);
        prop_assume!(changed != value);
        prop_assert!(!matches!(keys.find_signed(&changed), Proof::Principal(_)));
        let (start, _) = value.rsplit_once('.').unwrap();
        for nonsense in [start.to_owned(), format!("{start}."), format!("{value}A"), String::new()] {
            prop_assert!(!matches!(keys.find_signed(&nonsense), Proof::Principal(_)));
        }
    }
}

#[test]
fn a_file_of_an_earlier_version_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.json");
    let hash = "0".repeat(64);
    let text = format!(
        r#"{{"secret": "{hash}",
        "tokens": [{{"id": "0a1b2c3d", "role": "view", "name": "phone", "hash": "{hash}", "created_at": "2026-01-31T08:00:00.000Z"}}],
        "shares": [{{"id": "4e5f6a7b", "session": "a~1", "hash": "{hash}", "expires_at": "2126-01-31T08:00:00.000Z",
            "created_at": "2026-01-31T08:00:00.000Z"}}]}}"#
    );
    std::fs::write(&path, text).unwrap();
    let keys = Keys::open(&path, Clock::new(Default::default)).unwrap();
    assert_eq!(keys.tokens()[0].name, "phone");
    assert_eq!(keys.shares()[0].session.to_string(), "a~1");
}
