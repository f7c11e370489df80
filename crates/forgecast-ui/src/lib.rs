//! The dashboard's files, embedded: what the browser is given, and nothing about how it is sent.
//!
//! The page refers to its files relatively, because behind a proxy nobody knows the base path and the content security
//! policy forbids `<base>`. Seen from `/session/<id>` they therefore stand below `session/`, and seen from
//! `/compare/<a>/<b>` below `compare/<a>/`; [`asset`] knows them there too.

/// One file of the dashboard.
#[derive(Debug)]
pub struct Asset {
    /// Path without a leading slash: `index.html`, `assets/index-B2xk.js`.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub mime: &'static str,
    /// The file as it is.
    pub bytes: &'static [u8],
    /// `bytes` compressed with Brotli, when that is smaller.
    pub br: Option<&'static [u8]>,
    /// `bytes` compressed with gzip, when that is smaller.
    pub gz: Option<&'static [u8]>,
    /// A strong entity tag of `bytes`, in its quotes; a compressed answer has to make it weak (`W/`) or its own.
    pub etag: &'static str,
    /// Whether the name changes with the content, so that a browser may keep it for ever.
    pub immutable: bool,
}

include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// The file at `path` (without a leading slash), as it is asked for from the root or from a page below it. `docs` is the
/// page that describes the API.
#[must_use]
pub fn asset(path: &str) -> Option<&'static Asset> {
    let path = match path.split_once('/') {
        Some(("session", rest)) => rest,
        // The page stands two levels deep; whichever session comes first, its files are the same.
        Some(("compare", rest)) => rest.split_once('/')?.1,
        None if path == "docs" => "docs.html",
        _ => path,
    };
    let at = ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok()?;
    ASSETS.get(at)
}

/// The page itself: the answer to `/`, `/session/<id>` and every other address of the dashboard.
#[must_use]
pub fn index() -> &'static Asset {
    &ASSETS[INDEX]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &'static [u8]) -> &'static str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_page_names_only_files_that_are_there() {
        let page = text(index().bytes);
        let named: Vec<&str> = page
            .split(['"', '\''])
            .filter_map(|part| part.strip_prefix("./"))
            .collect();
        assert!(named.len() >= 3, "script, style and icon: {named:?}");
        for path in named {
            assert!(asset(path).is_some(), "{path}");
            assert!(asset(&format!("session/{path}")).is_some(), "{path}");
            assert!(asset(&format!("compare/a~1/{path}")).is_some(), "{path}");
        }
    }

    #[test]
    fn the_page_has_nothing_that_its_content_security_policy_blocks() {
        let page = text(index().bytes);
        let docs = text(asset("docs").unwrap().bytes);
        assert!(!docs.contains("<script"), "it needs none");
        for forbidden in [
            "<style",
            "style=\"",
            "<base",
            "onclick=",
            "onload=",
            "src=\"http",
            "href=\"http",
        ] {
            assert!(!page.contains(forbidden) && !docs.contains(forbidden), "{forbidden}");
        }
        for forbidden in ["http://", "https://", "data:"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        for script in page.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            assert!(tag.contains("src="), "an inline script: {tag}");
        }
    }

    #[test]
    fn files_named_by_their_content_are_cached_forever_and_the_page_is_not() {
        assert!(!index().immutable);
        assert!(ASSETS.iter().filter(|asset| asset.immutable).count() >= 2);
        for asset in &ASSETS {
            assert_eq!(asset.immutable, asset.path.starts_with("assets/"));
        }
    }

    #[test]
    fn every_entity_tag_is_quoted_and_belongs_to_one_content() {
        let mut tags: Vec<&str> = ASSETS.iter().map(|asset| asset.etag).collect();
        assert!(
            tags.iter()
                .all(|tag| tag.len() == 34 && tag.starts_with('"') && tag.ends_with('"'))
        );
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), ASSETS.len());
    }

    #[test]
    fn scripts_and_styles_come_with_smaller_copies() {
        for asset in ASSETS
            .iter()
            .filter(|asset| asset.bytes.len() > 1024 && asset.mime.starts_with("text/"))
        {
            for copy in [asset.br, asset.gz] {
                assert!(
                    copy.is_some_and(|copy| copy.len() < asset.bytes.len()),
                    "{}",
                    asset.path
                );
            }
        }
    }

    /// What a chunk imports before it runs: `from"./x.js"` and `import"./x.js"`, but not `import("./x.js")`.
    fn imported(chunk: &Asset) -> Vec<String> {
        let code = text(chunk.bytes);
        ["from\"./", "import\"./", "from'./", "import'./"]
            .iter()
            .flat_map(|start| code.split(start).skip(1))
            .filter_map(|rest| rest.split(['"', '\'']).next())
            .map(|name| format!("assets/{name}"))
            .collect()
    }

    fn sent(assets: &[&Asset]) -> usize {
        assets.iter().map(|asset| asset.gz.unwrap_or(asset.bytes).len()).sum()
    }

    #[test]
    fn the_first_screen_is_at_most_150_kib_compressed() {
        let mut first = vec![index()];
        let mut named: Vec<String> = text(index().bytes)
            .split(['"', '\''])
            .filter_map(|part| part.strip_prefix("./"))
            .map(str::to_owned)
            .collect();
        while let Some(path) = named.pop() {
            let found = asset(&path).unwrap_or_else(|| panic!("{path} is not there"));
            if first.iter().any(|one| one.path == found.path) {
                continue;
            }
            first.push(found);
            if found.mime.starts_with("text/javascript") {
                named.extend(imported(found));
            }
        }
        let bytes = sent(&first);
        println!(
            "the first screen is {bytes} bytes compressed with gzip, in {} files",
            first.len()
        );
        assert!(bytes <= 150 * 1024, "{bytes} bytes");
    }

    #[test]
    fn the_whole_dashboard_is_at_most_300_kib_compressed() {
        let bytes = sent(&ASSETS.iter().collect::<Vec<_>>());
        println!("the dashboard is {bytes} bytes compressed with gzip");
        assert!(bytes <= 300 * 1024, "{bytes} bytes");
    }

    #[test]
    fn what_is_not_a_file_of_the_dashboard_is_not_found() {
        for path in [
            "",
            "/",
            "index",
            "../Cargo.toml",
            "assets",
            "assets/",
            "session/",
            "session/a~1",
            "compare/",
            "compare/index.html",
            "compare/a~1/b~1",
            "compare/a~1/b~1/index.html",
            "INDEX.HTML",
        ] {
            assert!(asset(path).is_none(), "{path}");
        }
    }
}
