//! Turns a name into the part of an id before the tilde. The same name always gives the same slug.

use forgecast_protocol::{SessionName, SessionRef, Subject};

use crate::frame::sha256_hex;

/// Bytes of a name that remain when it has to be changed; that leaves room for the hash after it.
const MAX_READABLE: usize = 96;

/// A name that a producer or a folder gave, with the slug that it becomes.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) slug: SessionName,
}

impl Named {
    fn by(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            slug: slug(name),
        }
    }

    /// The name that a folder gives: the last part of its path.
    pub(crate) fn by_folder(directory: &str) -> Self {
        let name = directory.trim_end_matches('/').rsplit('/').next();
        Self::by(name.filter(|name| !name.is_empty()).unwrap_or("root"))
    }

    /// The name that a producer gives, if it gives one.
    pub(crate) fn of(subject: &Subject) -> Option<Self> {
        match (&subject.session, &subject.name) {
            (Some(SessionRef::Newest(slug)), name) => Some(Self {
                name: name.clone().unwrap_or_else(|| slug.to_string()),
                slug: slug.clone(),
            }),
            (_, name) => name.as_deref().map(Self::by),
        }
    }
}

/// What any text means as the name of a session: the run or the name that it spells, else the name that the hub makes of
/// it. There need not be such a session.
#[must_use]
pub fn session_called(text: &str) -> SessionRef {
    text.parse().unwrap_or_else(|_| SessionRef::Newest(slug(text)))
}

/// The name itself when it fits, else what is readable of it and eight hexadecimal digits of its SHA-256.
fn slug(name: &str) -> SessionName {
    if let Ok(slug) = name.parse() {
        return slug;
    }
    let hash = sha256_hex(name.as_bytes());
    join(&readable(name), &hash[..8])
}

/// The slug for a folder when another folder has the plain one: `<slug>-<digits of SHA-256(folder)>`.
pub(crate) fn slug_in(slug: &SessionName, directory: &str, digits: usize) -> SessionName {
    let hash = sha256_hex(directory.as_bytes());
    let readable: String = slug.as_str().chars().take(127 - digits.min(64)).collect();
    join(&readable, &hash[..digits.min(64)])
}

fn join(readable: &str, hash: &str) -> SessionName {
    let text = format!("{readable}-{hash}");
    // Both parts consist of permitted characters and the first one begins with a letter or digit.
    text.parse().unwrap_or_else(|_| fallback(hash))
}

fn fallback(hash: &str) -> SessionName {
    match format!("session-{hash}").parse() {
        Ok(slug) => slug,
        Err(_) => fallback("0"),
    }
}

fn readable(name: &str) -> String {
    let mut out = String::new();
    for character in name.chars() {
        if out.len() >= MAX_READABLE {
            break;
        }
        if character.is_ascii_alphanumeric() || matches!(character, '.' | '_') {
            if !out.is_empty() || character.is_ascii_alphanumeric() {
                out.push(character);
            }
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    let trimmed = out.trim_end_matches(['-', '.', '_']);
    if trimmed.is_empty() {
        "session".to_owned()
    } else {
        trimmed.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_that_fits_is_its_own_slug() {
        assert_eq!(slug("weather-app").as_str(), "weather-app");
    }

    #[test]
    fn a_name_that_does_not_fit_keeps_what_is_readable_and_gets_a_hash() {
        assert_eq!(
            slug("My app!").as_str(),
            "My-app-7a4e7a0a".replace("7a4e7a0a", &sha256_hex(b"My app!")[..8])
        );
        assert!(slug("../../etc/passwd").as_str().starts_with("etc-passwd-"));
        assert!(slug("").as_str().starts_with("session-"));
        assert!(slug("天気").as_str().starts_with("session-"));
        assert!(slug("a~1").as_str().starts_with("a-1-"));
    }

    proptest! {
        #[test]
        fn every_name_has_a_slug_and_different_names_that_do_not_fit_differ(name in "\\PC{0,300}", other in "\\PC{0,300}") {
            let (one, two) = (slug(&name), slug(&other));
            prop_assert_eq!(name == other, one == two);
            prop_assert!(slug_in(&one, "/a/b", 6) != one);
            prop_assert!(slug_in(&one, "/a/b", 64).as_str().len() <= 128);
        }
    }
}
