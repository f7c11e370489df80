//! Inputs that were found worth keeping, read again in every run; the fuzzers begin with them.

use std::path::Path;

use super::laws::survive;

#[test]
fn everything_in_the_corpus_is_survived() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    for folder in ["transcript", "otlp_json", "otlp_protobuf", "hooks"] {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        let mut count = 0;
        for entry in entries {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            survive(&bytes, "");
            count += 1;
        }
        assert!(count >= 5, "{folder}: {count} inputs");
    }
}
