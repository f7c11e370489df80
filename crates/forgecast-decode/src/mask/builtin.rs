//! The built-in rules: one line of a table each. Forms are those that the issuers document; a form with a checksum or a
//! fixed length is taken at its length, so that ordinary identifiers are left alone.

use std::sync::OnceLock;

use regex::Captures;

use super::{Pattern, Rule, assignment, group, keys};

/// A built-in rule before it is compiled.
pub(super) struct Definition {
    /// By which it is switched off.
    pub(super) name: &'static str,
    triggers: &'static [&'static str],
    pattern: &'static str,
    accept: fn(&Captures<'_>) -> bool,
}

impl Definition {
    /// The rule.
    pub(super) fn rule(&self) -> Rule {
        Rule {
            name: self.name.to_owned(),
            pattern: Pattern::Later(self.pattern, OnceLock::new()),
            triggers: self.triggers,
            accept: self.accept,
        }
    }
}

fn always(_: &Captures<'_>) -> bool {
    true
}

/// Random text of this length holds a digit and a letter; a slug of words holds none.
fn random(captures: &Captures<'_>) -> bool {
    let text = group(captures).or(captures.get(0));
    text.is_some_and(|text| {
        let bytes = text.as_str().as_bytes();
        bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_alphabetic)
    })
}

/// Random text has a run of letters and digits, mixed, that no word has; names joined by dashes are no secret, however
/// many (`sk-estimator-doc-link-v2`).
fn dense(captures: &Captures<'_>) -> bool {
    let text = group(captures).or(captures.get(0));
    let is_mixed = |run: &str| {
        run.len() >= 12 && run.bytes().any(|b| b.is_ascii_digit()) && run.bytes().any(|b| b.is_ascii_alphabetic())
    };
    text.is_some_and(|text| {
        text.as_str()
            .split(|letter: char| !letter.is_ascii_alphanumeric())
            .any(is_mixed)
    })
}

const fn rule(
    name: &'static str,
    triggers: &'static [&'static str],
    pattern: &'static str,
    accept: fn(&Captures<'_>) -> bool,
) -> Definition {
    Definition {
        name,
        triggers,
        pattern,
        accept,
    }
}

/// All of them; names are part of the configuration.
pub(super) const BUILTIN: &[Definition] = &[
    rule("private-key", &["private key"], keys::PATTERN, always),
    // What opens this program itself: tokens and share links.
    rule(
        "forgecast",
        &["fc_a_", "fc_i_", "fc_s_", "fc_v_"],
        r"\bfc_[aisv]_[A-Za-z0-9_-]{43}",
        always,
    ),
    rule("openai", &["sk-"], r"\bsk-[A-Za-z0-9_-]{20,}", dense),
    rule(
        "model-vendor",
        &[
            "gsk_", "xai-", "r8_", "pplx-", "nvapi-", "csk-", "tvly-", "pcsk_", "lsv2_", "fw_", "tgp_v1_", "e2b_",
            "api_org_",
        ],
        r"\b(?:gsk_[A-Za-z0-9]{40,}|xai-[A-Za-z0-9]{60,}|r8_[A-Za-z0-9]{36,}|pplx-[A-Za-z0-9]{40,}|nvapi-[A-Za-z0-9_-]{50,}|csk-[a-z0-9]{40,}|tvly-(?:dev-|prod-)?[A-Za-z0-9]{30,}|pcsk_[A-Za-z0-9_]{50,}|lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}|fw_[A-Za-z0-9]{22,}|tgp_v1_[A-Za-z0-9_-]{40,}|e2b_[a-f0-9]{40}|api_org_[A-Za-z0-9]{34})",
        random,
    ),
    rule(
        "github",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,})",
        always,
    ),
    rule(
        "gitlab",
        &[
            "glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "gloas-", "glsoat-", "glagent-", "glimt-",
        ],
        r"\bgl(?:pat|dt|rt|cbt|ptt|ft|oas|soat|agent|imt)-[A-Za-z0-9_.-]{20,}",
        random,
    ),
    rule(
        "aws",
        &["akia", "asia", "abia", "acca"],
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
        random,
    ),
    rule(
        "slack",
        &["xox", "xapp-", "hooks.slack.com"],
        r"\b(?:xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[A-Za-z0-9/]{10,})",
        random,
    ),
    rule(
        "google",
        &["aiza", "gocspx-", "ya29.", "1//0"],
        r"\b(?:AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_-]{20,}|1//0[A-Za-z0-9_-]{40,})",
        random,
    ),
    rule(
        "jwt",
        &["eyj"],
        r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
        always,
    ),
    rule("npm", &["npm_"], r"\bnpm_[A-Za-z0-9]{30,}", random),
    rule("pypi", &["pypi-"], r"\bpypi-[A-Za-z0-9_-]{30,}", random),
    rule("huggingface", &["hf_"], r"\bhf_[A-Za-z0-9]{30,}", always),
    rule(
        "stripe",
        &["sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"],
        r"\b(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{16,})",
        random,
    ),
    rule(
        "sendgrid",
        &["sg."],
        r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
        random,
    ),
    rule(
        "digitalocean",
        &["dop_v1_", "doo_v1_", "dor_v1_"],
        r"\bdo[opr]_v1_[a-f0-9]{40,}",
        always,
    ),
    rule("age", &["age-secret-key-"], r"\bAGE-SECRET-KEY-1[A-Z0-9]{30,}", always),
    rule(
        "azure",
        &["q~"],
        r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}",
        always,
    ),
    rule(
        "cloud",
        &[
            "ltai",
            "hvs.",
            "hvb.",
            "hvr.",
            "tskey-",
            "hrku-",
            "sbp_",
            "sb_secret_",
            "dapi",
            "nfp_",
            "pscale_",
            "ops_eyj",
        ],
        r"\b(?:LTAI[A-Za-z0-9]{16,26}|hv[sbr]\.[A-Za-z0-9_-]{24,}|tskey-[a-z]+-[A-Za-z0-9-]{16,}|HRKU-[A-Za-z0-9_-]{30,}|sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{20,}|dapi[a-f0-9]{32}(?:-[0-9])?|nfp_[A-Za-z0-9]{30,}|pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{30,}|ops_eyJ[A-Za-z0-9_-]{40,})",
        random,
    ),
    rule(
        "registry",
        &[
            "dckr_pat_",
            "dckr_oat_",
            "rubygems_",
            "cio",
            "oy2",
            "atatt3",
            "atctt3",
            "atbb",
        ],
        r"\b(?:dckr_[po]at_[A-Za-z0-9_-]{20,}|rubygems_[a-f0-9]{48}|cio[A-Za-z0-9]{32}\b|oy2[a-z0-9]{43}\b|AT(?:ATT|CTT)3[A-Za-z0-9_=-]{50,}|ATBB[A-Za-z0-9]{28,}\b)",
        random,
    ),
    rule(
        "service",
        &[
            "lin_api_",
            "ntn_",
            "figd_",
            "sntrys_",
            "sntryu_",
            "dp.pt.",
            "dp.st.",
            "pmak-",
            "shpat_",
            "shpss_",
            "shpca_",
            "shppa_",
            "glsa_",
            "glc_eyj",
            "nrak-",
            "sqp_",
            "squ_",
            "ccipat_",
            "bkua_",
            "sq0",
            "rzp_live_",
        ],
        r"\b(?:lin_api_[A-Za-z0-9]{32,}|ntn_[A-Za-z0-9]{40,}|figd_[A-Za-z0-9_-]{30,}|sntry[su]_[A-Za-z0-9+/=_-]{40,}|dp\.(?:pt|st)\.[A-Za-z0-9._-]{30,}|PMAK-[a-f0-9]{24}-[a-f0-9]{34}|shp(?:at|ss|ca|pa)_[a-fA-F0-9]{32}|glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}|glc_eyJ[A-Za-z0-9+/=_-]{30,}|NRAK-[A-Z0-9]{27}|sq[pu]_[a-f0-9]{40}|CCIPAT_[A-Za-z0-9_]{40,}|bkua_[a-f0-9]{40}|sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,}|rzp_live_[A-Za-z0-9]{14,})",
        random,
    ),
    rule(
        "mail",
        &["key-", "-us"],
        r"\b(?:key-[a-f0-9]{32}|[a-f0-9]{32}-us[0-9]{1,2})\b",
        random,
    ),
    rule(
        "chat-bot",
        &[":aa", "/api/webhooks/", "webhook.office.com"],
        r"(?:\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}\b|discord(?:app)?\.com/api/webhooks/[0-9]{10,}/[A-Za-z0-9_-]{40,}|webhook\.office\.com/webhookb2/[A-Za-z0-9@/-]{40,})",
        always,
    ),
    rule(
        "signed-url",
        &["sig=", "signature="],
        r"(?i)[?&;](?:sig|signature|x-amz-signature|x-goog-signature)=([A-Za-z0-9%+/=_-]{20,})",
        random,
    ),
    rule(
        "authorization",
        &["authorization"],
        r#"(?i)\bauthorization\\?["']?\]?\s*[:=]\s*\\?["'`]?(?:(?:bearer|basic|token|digest|negotiate|apikey|aws4-hmac-sha256)\s+)?([^\s"'`\\,;]{4,})"#,
        assignment::is_credential,
    ),
    rule(
        "command-line",
        &[
            "--pass",
            "--token",
            "--secret",
            "--api-key",
            "--access-token",
            "--auth-token",
            "--client-secret",
            "curl",
            "sshpass",
            " password ",
        ],
        r#"(?:--(?:password|passwd|passphrase|token|secret|api-key|access-token|auth-token|client-secret)[ \t]+["']?([^\s"'-][^\s"']{5,})|\bcurl\b[^\r\n]{0,400}?[ \t](?:-u|--user)[ =]["']?[^\s:"'/]+:([^\s"']{3,})|\bsshpass[ \t]+-p[ \t]*["']?([^\s"']{3,})|\blogin[ \t]+\S+[ \t]+password[ \t]+(\S{3,}))"#,
        assignment::is_argument,
    ),
    rule(
        "bearer",
        &["bearer"],
        r"(?i)\bbearer\s+([A-Za-z0-9._~+/=-]{16,})",
        random,
    ),
    rule(
        "cookie",
        &["cookie"],
        r#"(?i)\b(?:set-)?cookie(?:\\?["'][ \t]*:[ \t]*\\?["']([^"'\r\n\\]*=[^"'\r\n\\]*)|:[ \t]*([^\s=;,]+=[^\r\n]+))"#,
        always,
    ),
    rule(
        "url-password",
        &["://"],
        r#"(?i)\b[a-z][a-z0-9+.-]{0,30}://[^\s/@:"'<>]{0,200}:([^\s/@"'<>]{1,500}(?:@[^\s/@?#"'<>,:]{1,100}){0,4})@(sha256:)?"#,
        assignment::is_no_placeholder,
    ),
    rule(
        "url-token",
        &["://"],
        r#"(?i)\bhttps?://([^\s/@:"'<>]{16,500})@"#,
        random,
    ),
    rule(
        "env",
        assignment::ENV_TRIGGERS,
        assignment::ENV_PATTERN,
        assignment::is_setting,
    ),
    rule(
        "assignment",
        assignment::TRIGGERS,
        assignment::PATTERN,
        assignment::accept,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_compiles_and_has_lower_case_triggers() {
        for rule in BUILTIN {
            assert!(rule.rule().pattern.regex().is_some(), "{}", rule.name);
            assert!(!rule.triggers.is_empty(), "{}", rule.name);
            let lower = |word: &&str| **word == word.to_ascii_lowercase();
            assert!(rule.triggers.iter().all(lower), "{}", rule.name);
        }
    }
}
