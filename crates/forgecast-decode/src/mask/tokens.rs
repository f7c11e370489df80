//! Tokens that are known by how they begin: one line for each form that an issuer documents, with what follows the prefix.
//! A form with a fixed length is taken at its length, so that ordinary identifiers are left alone.

/// How a token begins, and a regular expression of how it goes on.
pub(super) type Token = (&'static str, &'static str);

/// What opens this program itself: tokens and share links.
pub(super) const FORGECAST: &[Token] = &[
    ("fc_a_", "[A-Za-z0-9_-]{43}"),
    ("fc_i_", "[A-Za-z0-9_-]{43}"),
    ("fc_s_", "[A-Za-z0-9_-]{43}"),
    ("fc_v_", "[A-Za-z0-9_-]{43}"),
];

/// OpenAI, Anthropic, OpenRouter, DeepSeek and others.
pub(super) const OPENAI: &[Token] = &[("sk-", "[A-Za-z0-9_-]{20,}")];

/// Models, and what agents call beside them.
pub(super) const MODELS: &[Token] = &[
    ("gsk_", "[A-Za-z0-9]{40,}"),
    ("xai-", "[A-Za-z0-9]{60,}"),
    ("r8_", "[A-Za-z0-9]{36,}"),
    ("pplx-", "[A-Za-z0-9]{40,}"),
    ("nvapi-", "[A-Za-z0-9_-]{50,}"),
    ("csk-", "[a-z0-9]{40,}"),
    ("tvly-", "(?:dev-|prod-)?[A-Za-z0-9]{30,}"),
    ("pcsk_", "[A-Za-z0-9_]{50,}"),
    ("lsv2_", "(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}"),
    ("fw_", "[A-Za-z0-9]{22,}"),
    ("tgp_v1_", "[A-Za-z0-9_-]{40,}"),
    ("e2b_", "[a-f0-9]{40}"),
    ("api_org_", "[A-Za-z0-9]{34}"),
    // Amazon Bedrock.
    ("ABSK", "[A-Za-z0-9+/]{109,269}={0,2}"),
    // Jina, LlamaCloud, Firecrawl, Browserbase, Apify.
    ("jina_", "[A-Za-z0-9_-]{60}"),
    ("llx-", "[A-Za-z0-9]{40,}"),
    ("fc-", r"[a-f0-9]{32}\b"),
    ("bb_live_", "[A-Za-z0-9_-]{27,}"),
    ("apify_api_", "[A-Za-z0-9]{30,}"),
];

/// GitHub's, each kind with its own prefix.
pub(super) const GITHUB: &[Token] = &[
    ("ghp_", "[A-Za-z0-9]{30,}"),
    ("gho_", "[A-Za-z0-9]{30,}"),
    ("ghu_", "[A-Za-z0-9]{30,}"),
    ("ghs_", "[A-Za-z0-9]{30,}"),
    ("ghr_", "[A-Za-z0-9]{30,}"),
    ("github_pat_", "[A-Za-z0-9_]{22,}"),
];

/// GitLab's, each kind with its own prefix.
pub(super) const GITLAB: &[Token] = &[
    ("glpat-", "[A-Za-z0-9_.-]{20,}"),
    ("gldt-", "[A-Za-z0-9_.-]{20,}"),
    ("glrt-", "[A-Za-z0-9_.-]{20,}"),
    ("glcbt-", "[A-Za-z0-9_.-]{20,}"),
    ("glptt-", "[A-Za-z0-9_.-]{20,}"),
    ("glft-", "[A-Za-z0-9_.-]{20,}"),
    ("gloas-", "[A-Za-z0-9_.-]{20,}"),
    ("glsoat-", "[A-Za-z0-9_.-]{20,}"),
    ("glagent-", "[A-Za-z0-9_.-]{20,}"),
    ("glimt-", "[A-Za-z0-9_.-]{20,}"),
];

/// DigitalOcean's.
pub(super) const DIGITALOCEAN: &[Token] = &[
    ("dop_v1_", "[a-f0-9]{40,}"),
    ("doo_v1_", "[a-f0-9]{40,}"),
    ("dor_v1_", "[a-f0-9]{40,}"),
];

/// Stripe's, and keys of the same form.
pub(super) const STRIPE: &[Token] = &[
    ("sk_live_", "[A-Za-z0-9]{16,}"),
    ("sk_test_", "[A-Za-z0-9]{16,}"),
    ("rk_live_", "[A-Za-z0-9]{16,}"),
    ("rk_test_", "[A-Za-z0-9]{16,}"),
    ("whsec_", "[A-Za-z0-9+/=]{16,}"),
];

/// Hosts, databases, networks and what deploys to them.
pub(super) const CLOUD: &[Token] = &[
    ("LTAI", "[A-Za-z0-9]{16,26}"),
    ("hvs.", "[A-Za-z0-9_-]{24,}"),
    ("hvb.", "[A-Za-z0-9_-]{24,}"),
    ("hvr.", "[A-Za-z0-9_-]{24,}"),
    ("tskey-", "[a-z]+-[A-Za-z0-9-]{16,}"),
    ("HRKU-", "[A-Za-z0-9_-]{30,}"),
    ("sbp_", "[a-f0-9]{40}"),
    ("sb_secret_", "[A-Za-z0-9_-]{20,}"),
    ("dapi", "[a-f0-9]{32}(?:-[0-9])?"),
    ("nfp_", "[A-Za-z0-9]{30,}"),
    ("pscale_", "(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{30,}"),
    ("ops_eyJ", "[A-Za-z0-9_-]{40,}"),
    // Cloudflare's key for origin certificates.
    ("v1.0-", "[a-f0-9]{24}-[a-f0-9]{146}"),
    // Fly.io.
    ("fo1_", "[A-Za-z0-9_-]{43}"),
    ("fm1r_", "[A-Za-z0-9+/=_-]{100,}"),
    ("fm2_", "[A-Za-z0-9+/=_-]{100,}"),
    // Pulumi, OpenShift, Neon, Render, Vercel's storage, Prefect, Scalingo, Harness.
    ("pul-", "[a-f0-9]{40}"),
    ("sha256~", "[A-Za-z0-9_-]{43}"),
    ("napi_", "[a-z0-9]{60,}"),
    ("rnd_", "[A-Za-z0-9]{28,}"),
    ("vercel_blob_rw_", "[A-Za-z0-9_]{30,}"),
    ("pnu_", "[A-Za-z0-9]{36}"),
    ("tk-us-", "[A-Za-z0-9_-]{48}"),
    ("pat.", "[A-Za-z0-9_-]{22}[.][a-f0-9]{24}[.][A-Za-z0-9]{20}"),
    // Yandex, Tencent, Dynatrace, 1Password's secret key.
    ("AQVN", "[A-Za-z0-9_-]{35,38}"),
    ("AKID", r"[A-Za-z0-9]{32}\b"),
    ("dt0c01.", "[A-Z0-9]{24}[.][A-Z0-9]{64}"),
    (
        "A3-",
        "[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}",
    ),
];

/// Registries of packages and images, and where their source is.
pub(super) const REGISTRY: &[Token] = &[
    ("dckr_pat_", "[A-Za-z0-9_-]{20,}"),
    ("dckr_oat_", "[A-Za-z0-9_-]{20,}"),
    ("rubygems_", "[a-f0-9]{48}"),
    ("cio", r"[A-Za-z0-9]{32}\b"),
    ("oy2", r"[a-z0-9]{43}\b"),
    ("ATATT3", "[A-Za-z0-9_=-]{50,}"),
    ("ATCTT3", "[A-Za-z0-9_=-]{50,}"),
    ("ATBB", r"[A-Za-z0-9]{28,}\b"),
    // Artifactory, Clojars.
    ("AKCp", r"[A-Za-z0-9]{60,}\b"),
    ("CLOJARS_", "[a-f0-9]{60}"),
];

/// Everything else that a build may talk to.
pub(super) const SERVICE: &[Token] = &[
    ("lin_api_", "[A-Za-z0-9]{32,}"),
    ("lin_oauth_", "[A-Za-z0-9]{32,}"),
    ("ntn_", "[A-Za-z0-9]{40,}"),
    ("secret_", r"[A-Za-z0-9]{43}\b"),
    ("figd_", "[A-Za-z0-9_-]{30,}"),
    ("sntrys_", "[A-Za-z0-9+/=_-]{40,}"),
    ("sntryu_", "[A-Za-z0-9+/=_-]{40,}"),
    ("dp.pt.", "[A-Za-z0-9._-]{30,}"),
    ("dp.st.", "[A-Za-z0-9._-]{30,}"),
    ("dp.ct.", "[A-Za-z0-9._-]{30,}"),
    ("PMAK-", "[a-f0-9]{24}-[a-f0-9]{34}"),
    ("shpat_", "[a-fA-F0-9]{32}"),
    ("shpss_", "[a-fA-F0-9]{32}"),
    ("shpca_", "[a-fA-F0-9]{32}"),
    ("shppa_", "[a-fA-F0-9]{32}"),
    ("glsa_", "[A-Za-z0-9]{32}_[a-f0-9]{8}"),
    ("glc_eyJ", "[A-Za-z0-9+/=_-]{30,}"),
    ("NRAK-", "[A-Z0-9]{27}"),
    ("NRII-", "[A-Za-z0-9_-]{32}"),
    ("sq0", "(?:atp|csp|idp)-[A-Za-z0-9_-]{22,}"),
    ("CCIPAT_", "[A-Za-z0-9_]{40,}"),
    ("CCIPRJ_", "[A-Za-z0-9_]{40,}"),
    ("bkua_", "[a-f0-9]{40}"),
    ("sqp_", "[a-f0-9]{40}"),
    ("squ_", "[a-f0-9]{40}"),
    ("sqa_", "[a-f0-9]{40}"),
    // Square's access tokens, EasyPost, Shippo, Duffel, Razorpay, Flutterwave, Plaid.
    ("EAAA", r"[A-Za-z0-9_-]{60}\b"),
    ("EZAK", r"[A-Za-z0-9]{54}\b"),
    ("EZTK", r"[A-Za-z0-9]{54}\b"),
    ("shippo_", "(?:live|test)_[a-f0-9]{40}"),
    ("duffel_", "(?:live|test)_[A-Za-z0-9_=-]{43}"),
    ("rzp_live_", "[A-Za-z0-9]{14,}"),
    ("FLWSECK", "(?:_TEST)?-[a-f0-9]{12,32}"),
    (
        "access-",
        "(?:sandbox|development|production)-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}",
    ),
    // HubSpot, Airtable, Typeform, Contentful, ReadMe, Frame.io, Adafruit, Infracost.
    ("pat-", "(?:na|eu|ap)[0-9]-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}"),
    ("pat", r"[A-Za-z0-9]{14}[.][a-f0-9]{64}\b"),
    ("tfp_", "[A-Za-z0-9_.=-]{40,}"),
    ("CFPAT-", "[A-Za-z0-9_-]{43}"),
    ("rdme_", "[a-z0-9]{70}"),
    ("fio-u-", "[A-Za-z0-9_=-]{64}"),
    ("aio_", r"[A-Za-z0-9]{28}\b"),
    ("ico-", r"[A-Za-z0-9]{32}\b"),
    // Sourcegraph, PostHog, LaunchDarkly, Axiom, Honeycomb, Trigger.dev, Inngest, Polar, Mapbox.
    ("sgp_", "(?:[a-fA-F0-9]{16}_|local_)?[a-fA-F0-9]{40}"),
    ("phx_", "[A-Za-z0-9]{40,}"),
    ("sdk-", "[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}"),
    ("xaat-", "[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}"),
    ("hcaik_", "[a-z0-9]{50,}"),
    ("tr_dev_", "[A-Za-z0-9]{20,}"),
    ("tr_prod_", "[A-Za-z0-9]{20,}"),
    ("signkey-", "(?:prod|test|branch)-[a-f0-9]{40,}"),
    ("polar_oat_", "[A-Za-z0-9]{30,}"),
    ("sk.eyJ", "[A-Za-z0-9_-]{20,}[.][A-Za-z0-9_-]{20,}"),
    // Brevo, Resend, MailerSend.
    ("xkeysib-", "[a-f0-9]{64}-[A-Za-z0-9]{16}"),
    ("xsmtpsib-", "[a-f0-9]{64}-[A-Za-z0-9]{16}"),
    ("re_", "[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}"),
    ("mlsn.", "[a-f0-9]{64}"),
    // Dropbox, Meta.
    ("sl.", "(?:u[.])?[A-Za-z0-9_-]{100,}"),
    ("EAA", r"[A-Za-z0-9]{90,}\b"),
];
