//! The rule for `password=…`, `"api_key": "…"`, `SECRET_TOKEN: …`: the one that goes by the name beside the secret, and so
//! the one that must tell a secret from prose, code and counts (`token usage: 123`, `password: str`).

use regex::Captures;

use super::{MASK, group};

/// Words that a name of a secret contains.
pub(super) const TRIGGERS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "api_key",
    "api-key",
    "apikey",
    "access_key",
    "access-key",
    "accesskey",
    "private_key",
    "private-key",
    "privatekey",
    "account_key",
    "accountkey",
    "credential",
    "signing_key",
    "signing-key",
    "signingkey",
    "encryption_key",
    "encryption-key",
    "encryptionkey",
    "master_key",
    "master-key",
    "masterkey",
    "auth_key",
    "auth-key",
    "authkey",
    "service_key",
    "service-key",
    "servicekey",
    "_pass",
    "smtppass",
    "dbpass",
];

/// Words in the names of the settings of [`ENV_PATTERN`].
pub(super) const ENV_TRIGGERS: &[&str] = &[
    "pass=",
    "password=",
    "passwd=",
    "passphrase=",
    "pwd=",
    "secret=",
    "token=",
    "_key=",
    "apikey=",
    "credential=",
    "credentials=",
    "_base64=",
];

/// One setting of an environment, alone on its line: the value goes to the end of the word, whatever is in it.
pub(super) const ENV_PATTERN: &str = r#"(?m)^[ \t]*(?:export[ \t]+|set[ \t]+|[+>-]{1,5}[ \t]*(?:export[ \t]+)?)?[A-Z][A-Z0-9_]{0,60}=(?:"([^"\r\n]{3,})"|'([^'\r\n]{3,})'|([^\s"'#][^\s"']{2,}))"#;

/// A name, a separator and a value: group 1 in double quotes, 2 in single quotes, 3 bare.
pub(super) const PATTERN: &str = concat!(
    r"(?i)(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|account[_-]?key|credential|(?:signing|encryption|master|auth|service)[_-]?key|(?:db|smtp|mail|email|mysql|pg|postgres|redis|mongo|ftp|ldap|user|admin|root|database)[_-]?pass)s?",
    r"(?:[_-]?(?:key|value|hash|base64|id|access[_-]?key|[0-9]{1,2}))?",
    r#"\\{0,7}["']?[ \t]*(?:=>|:=|[:=])[ \t]*(?:\\{0,7}"([^"\\\r\n]{3,})|'([^'\\\r\n]{3,})|([^\s"'\\,;&)}\]]{3,}))"#,
);

/// What follows such a name and is no secret.
const PLACEHOLDERS: &[&str] = &[
    "none",
    "null",
    "nil",
    "true",
    "false",
    "undefined",
    "string",
    "number",
    "bool",
    "boolean",
    "str",
    "int",
    "bytes",
    "object",
    "any",
    "required",
    "optional",
    "missing",
    "invalid",
    "expired",
    "valid",
    "empty",
    "unset",
    "redacted",
    "hidden",
    "changeme",
    "example",
    "placeholder",
    "not",
    "the",
    "and",
    "must",
    "should",
    "was",
    "are",
    "has",
    "for",
    "option",
    "self",
    "this",
    "env",
    "yes",
    "no",
    "default",
    "todo",
    "xxx",
    "...",
    "***",
];

/// Whether a match of [`PATTERN`] is a secret.
pub(super) fn accept(captures: &Captures<'_>) -> bool {
    let Some(whole) = captures.get(0) else {
        return false;
    };
    if let Some(quoted) = captures.get(1).or(captures.get(2)) {
        // `password='a b c'` is a setting, `"token": "The token of the user"` a description.
        let before = &whole.as_str()[..quoted.start() - whole.start() - 1];
        return is_value(quoted.as_str()) && (before.ends_with('=') || !is_prose(quoted.as_str()));
    }
    let Some(bare) = captures.get(3) else {
        return false;
    };
    let before = &whole.as_str()[..bare.start() - whole.start()];
    is_value(bare.as_str()) && is_likely(before, bare.as_str())
}

/// A bare value: after `=` without spaces nearly always a setting; after a colon or with spaces often prose or code.
fn is_likely(before: &str, value: &str) -> bool {
    let bytes = value.as_bytes();
    let random = bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_alphabetic);
    let lower = before.to_ascii_lowercase();
    if value.contains(['(', '<', '[', '{']) || value.contains("::") {
        return false;
    }
    if before.ends_with('=') && !before.ends_with(":=") {
        // `token=abc` and `PWD=/home/x`; a dotted path is code: `token=settings.token`.
        return !is_path(value) && (random || !value.contains('.'));
    }
    let named_password = lower.contains("passw") || lower.contains("passphrase");
    random && bytes.len() >= 8 || (named_password && bytes.len() >= 6 && !is_word_of_prose(value))
}

/// Whether it is a sentence, or the label of a field, rather than words that nobody else would put together.
pub(super) fn is_prose(value: &str) -> bool {
    const WORDS: &[&str] = &[
        "a",
        "an",
        "the",
        "of",
        "for",
        "to",
        "in",
        "on",
        "by",
        "with",
        "from",
        "and",
        "or",
        "is",
        "are",
        "was",
        "be",
        "not",
        "no",
        "your",
        "you",
        "my",
        "new",
        "old",
        "this",
        "that",
        "must",
        "should",
        "can",
        "will",
        "has",
        "have",
        "if",
        "when",
        "enter",
        "please",
        "forgot",
        "reset",
        "change",
        "confirm",
        "current",
        "wrong",
        "invalid",
        "required",
        "missing",
        "password",
        "passwords",
        "passphrase",
        "token",
        "tokens",
        "secret",
        "secrets",
        "key",
        "keys",
        "user",
        "users",
    ];
    let mut words = value.split_whitespace();
    value.contains(' ')
        && words.any(|word| {
            let word = word.trim_matches(|letter: char| !letter.is_alphanumeric());
            WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
        })
}

fn is_path(value: &str) -> bool {
    value.starts_with(['/', '~', '.']) || value.contains("://")
}

fn is_word_of_prose(value: &str) -> bool {
    value.ends_with(['.', '?', '!', ':'])
}

/// Whether a value can be a secret at all: no placeholder, no number, no reference to a variable.
pub(super) fn is_value(value: &str) -> bool {
    if value == MASK || value.contains('…') || value.starts_with(['$', '<', '{', '%', '*', '`', '|']) {
        return false;
    }
    let number = value.bytes().all(|byte| {
        byte.is_ascii_digit()
            || matches!(
                byte,
                b'.' | b',' | b'_' | b'-' | b'+' | b'%' | b'/' | b':' | b'k' | b'K' | b'M'
            )
    });
    let lower = value.trim_end_matches(['.', ':', '!', '?']).to_ascii_lowercase();
    let reference = [
        "process.env",
        "os.environ",
        "env.",
        "settings.",
        "config.",
        "self.",
        "import.meta",
    ];
    !number && !PLACEHOLDERS.contains(&lower.as_str()) && !reference.iter().any(|start| lower.starts_with(start))
}

/// The value of an `Authorization`, with the name of its scheme or without: parameters as a whole, else one word.
pub(super) const AUTHORIZATION: &str = concat!(
    r#"(?i)\bauthorization\\{0,7}["']?\]?\s*[:=]\s*\\{0,7}["'`]?(?:(?:aws4-hmac-sha256|[a-z][a-z_-]{1,30})[ \t]+)?(?:"#,
    r#"([a-z][a-z0-9_-]*=(?:\\{0,7}"[^"\\\r\n]*\\{0,7}"|[^\s,"'\\;]+)(?:,\s*[a-z][a-z0-9_-]*=(?:\\{0,7}"[^"\\\r\n]*\\{0,7}"|[^\s,"'\\;]+))+)"#,
    r#"|([^\s"'`\\,;]{4,}))"#
);

/// Whether a match of [`AUTHORIZATION`] is a credential: after the name of a known scheme any value, else what is no word of
/// prose.
pub(super) fn is_credential(captures: &Captures<'_>) -> bool {
    const SCHEMES: &[&str] = &[
        "bearer",
        "basic",
        "token",
        "digest",
        "negotiate",
        "apikey",
        "aws4-hmac-sha256",
        "ssws",
        "geniekey",
    ];
    let (Some(whole), Some(value)) = (captures.get(0), group(captures)) else {
        return false;
    };
    if captures.get(1).is_some() {
        return true;
    }
    let before = &whole.as_str()[..value.start() - whole.start()];
    let value = value.as_str();
    let is_scheme = |word: &str| SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
    if !is_value(value) || is_scheme(value) || value.contains(['(', '[', '{']) {
        return false;
    }
    let mut words = before
        .trim_end()
        .rsplit(|letter: char| !letter.is_alphanumeric() && letter != '-');
    let is_named = before.ends_with([' ', '\t']) && words.next().is_some_and(is_scheme);
    is_named || (value.len() >= 8 && mixed(value))
}

/// The value of an option of a command: one that cannot be the next word of a sentence, or that of a password.
pub(super) fn is_argument(captures: &Captures<'_>) -> bool {
    let value = group(captures);
    value.is_some_and(|value| {
        let value = value.as_str();
        is_value(value) && !is_path(value) && (captures.get(1).is_none() || mixed(value))
    })
}

/// A setting whose name says that it is a secret, or a key with a random value.
pub(super) fn is_setting(captures: &Captures<'_>) -> bool {
    let (Some(whole), Some(value)) = (captures.get(0), group(captures)) else {
        return false;
    };
    let before = whole.as_str()[..value.start() - whole.start()].trim_end_matches(['=', '"', '\'']);
    let name = before.rsplit([' ', '\t', '+', '>', '-']).next().unwrap_or(before);
    is_secret_setting(name, value.as_str())
}

fn is_secret_setting(name: &str, value: &str) -> bool {
    let harmless = [
        "PUBLIC",
        "PUBLISHABLE",
        "CACHE",
        "PRIMARY",
        "FOREIGN",
        "SORT",
        "PARTITION",
        "NEXT_PUBLIC",
    ];
    let name = name.strip_suffix("_BASE64").unwrap_or(name);
    if !is_value(value) || is_path(value) || harmless.iter().any(|word| name.contains(word)) {
        return false;
    }
    let ends = [
        "PASSWORD",
        "PASSWD",
        "PASS",
        "PASSPHRASE",
        "PWD",
        "SECRET",
        "TOKEN",
        "APIKEY",
        "CREDENTIAL",
        "CREDENTIALS",
    ];
    if ends.iter().any(|end| name.ends_with(end)) {
        return true;
    }
    name.ends_with("_KEY") && value.len() >= 16 && mixed(value) && !value.contains('/')
}

/// Whether there are digits among letters, or small letters among capital ones: few words of prose are like that.
pub(super) fn mixed(value: &str) -> bool {
    let any = |is: fn(&u8) -> bool| value.as_bytes().iter().any(is);
    let capital = value.bytes().skip(1).any(|byte| byte.is_ascii_uppercase());
    any(u8::is_ascii_alphabetic) && any(u8::is_ascii_digit) || capital && any(u8::is_ascii_lowercase)
}

/// For passwords in addresses, where any text is a password but a placeholder.
pub(super) fn is_no_placeholder(captures: &Captures<'_>) -> bool {
    captures.get(1).is_some_and(|value| {
        let value = value.as_str();
        // `docker://image:tag@sha256:…` names a picture of a disk.
        captures.get(2).is_none() && value != MASK && !value.contains('…') && !value.starts_with(['$', '<', '{', '*'])
    })
}

/// Whether the text under this key of an object is a secret, whatever it looks like: `password`, `apiKey`,
/// `client_secret`, `access_token`. Counts and descriptions (`tokens_used`, `token_limit`) are not.
#[must_use]
pub fn is_secret_key(key: &str) -> bool {
    const ENDS: &[&str] = &[
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "accesskey",
        "secretkey",
        "privatekey",
        "accountkey",
        "signingkey",
        "encryptionkey",
        "masterkey",
        "authkey",
        "servicekey",
        "dbpass",
        "smtppass",
        "credentials",
        "authorization",
        "cookie",
    ];
    if key.len() > 64 {
        return false;
    }
    let plain: String = key
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    ENDS.iter().any(|end| plain.ends_with(end))
}
