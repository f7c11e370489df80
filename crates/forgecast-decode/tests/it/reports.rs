//! Counting tests in reports that a model wrote: numbers from statements, never from prose.

use forgecast_decode::clean::Cleaner;
use forgecast_decode::{Format, decode};
use forgecast_protocol::event::Fact;

type Counted = (Option<u32>, Option<u32>, Option<u32>, Option<bool>);

/// Total, passed, failed, verdict.
fn counted(text: &str) -> Counted {
    let format = Format::TestReport { iteration: Some(1) };
    let decoded = decode(&format, "x.md", text.as_bytes(), &Cleaner::default()).unwrap();
    let [Fact::TestsReported(tests)] = &decoded.facts[..] else {
        panic!("{decoded:?}")
    };
    assert_eq!(tests.iteration, Some(1));
    (tests.total, tests.passed, tests.failed, tests.verdict)
}

fn numbers(text: &str) -> (Option<u32>, Option<u32>, Option<u32>) {
    let (total, passed, failed, _) = counted(text);
    (total, passed, failed)
}

#[test]
fn explicit_statements_are_counted() {
    for (text, total, passed, failed) in [
        ("86 passed, 2 failed", 88, 86, 2),
        ("===== 86 passed, 2 failed in 0.13s =====", 88, 86, 2),
        (
            "==== 2 failed, 84 passed, 1 skipped, 3 warnings in 12.5s ====",
            87,
            84,
            2,
        ),
        ("Tests: 3 failed, 57 passed, 60 total", 60, 57, 3),
        (
            "Test Suites: 5 passed, 5 total\nTests:       57 passed, 57 total\nSnapshots:   0 total",
            57,
            57,
            0,
        ),
        ("**Tests Passed**: 13/13", 13, 13, 0),
        ("**Tests Passed:** 12 / 13", 13, 12, 1),
        ("✅ 60/68 tests passed (88.2%)", 68, 60, 8),
        ("all_tests: 86/86 passing", 86, 86, 0),
        ("24 of 26 tests passed.", 26, 24, 2),
        ("✅ All 24 unit tests passed", 24, 24, 0),
        (
            "**Total Tests:** 13\n**Passed:** 13\n**Failed:** 0\n**Success Rate:** 100%",
            13,
            13,
            0,
        ),
        ("- Total: 20\n- ✅ Passed: 18\n- ❌ Failed: 2", 20, 18, 2),
        (
            "| Metric | Value |\n|---|---|\n| Total Tests | 40 |\n| Passed | 38 |\n| Failed | 2 |",
            40,
            38,
            2,
        ),
        (
            "test result: ok. 57 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out",
            61,
            57,
            3,
        ),
        (
            "test result: ok. 5 passed; 0 failed; 0 ignored\n\ntest result: ok. 7 passed; 1 failed; 0 ignored",
            13,
            12,
            1,
        ),
        (
            " Test Files  5 passed (5)\n      Tests  57 passed | 3 failed (60)",
            60,
            57,
            3,
        ),
        ("Ran 60 tests in 0.101s\n\nFAILED (failures=2, errors=1)", 60, 57, 3),
        ("Ran 60 tests in 0.101s\n\nOK", 60, 60, 0),
        ("  60 passing (2s)\n  2 failing", 62, 60, 2),
        (
            "Before the fix: 55 passed, 5 failed\nAfter the fix: 60 passed, 0 failed",
            60,
            60,
            0,
        ),
        (
            "Unit: 40 passed, 0 failed\nIntegration: 18 passed, 2 failed\nTotal: 58 passed, 2 failed",
            60,
            58,
            2,
        ),
        ("1,234 passed, 0 failed", 1_234, 1_234, 0),
        ("\u{1b}[32m12 passed\u{1b}[0m, \u{1b}[31m1 failed\u{1b}[0m", 13, 12, 1),
    ] {
        let (found_total, found_passed, found_failed) = numbers(text);
        assert_eq!(
            (found_total, found_passed, found_failed),
            (Some(total), Some(passed), Some(failed)),
            "{text}"
        );
    }
}

#[test]
fn marks_are_counted_per_line_where_no_number_is_stated() {
    let report = "# Results\n**Status**: ❌ FAILED\n### 1. Login\n**Result:** ✅ PASS - works\n- detail: ✅ Present\n### 2. Logout\n**Result:** ❌ FAIL - broken\n### 3. List\n**Result:** ✅ PASS\n";
    assert_eq!(counted(report), (Some(3), Some(2), Some(1), Some(false)));
    let table = "| Test | Result |\n|---|---|\n| login | PASS |\n| logout | ❌ FAIL |\n| list | ✅ |";
    assert_eq!(numbers(table), (Some(3), Some(2), Some(1)));
    let go = "--- PASS: TestLogin (0.00s)\n--- FAIL: TestLogout (0.01s)\nFAIL\n";
    assert_eq!(numbers(go), (Some(2), Some(1), Some(1)));
    let pytest = "tests/test_a.py::test_one PASSED [ 50%]\ntests/test_a.py::test_two FAILED [100%]";
    assert_eq!(numbers(pytest), (Some(2), Some(1), Some(1)));
}

#[test]
fn a_line_that_begins_with_a_sign_marks_a_test_where_nothing_better_is_stated() {
    let jest = "  ✓ adds (3 ms)\n  ✓ subtracts\n  ✗ divides by zero (1 ms)\n";
    assert_eq!(numbers(jest), (Some(3), Some(2), Some(1)));
    let list = "- ✅ login works\n* ✅ **logout** works\n1. ❌ list is sorted\n✅ search - PASSED\n";
    assert_eq!(numbers(list), (Some(4), Some(3), Some(1)));
    let whole = "✅ **ALL TESTS PASSED**\nStatus: ✅ good\n✅\nIt works ✅ now.\n";
    assert_eq!(numbers(whole), (None, None, None));
    let better = "**Result:** ✅ PASS\n- ✅ with a detail\n- ✅ and another\n";
    assert_eq!(numbers(better), (Some(1), Some(1), Some(0)));
    let stated = "- ✅ login works\n7 passed, 1 failed\n";
    assert_eq!(numbers(stated), (Some(8), Some(7), Some(1)));
}

#[test]
fn prose_is_never_counted() {
    for text in [
        "",
        "The tests PASS when the server runs. PASS means good. We hope they PASS.",
        "All 4 new endpoints are properly defined. 3 failed attempts were made. 5 passed over.",
        "Version 2.10 passed review. On 2025-01-13 the build ran for 60 seconds.",
        "**Success Rate:** 100%\n**Duration**: 0.13s\n**Test Iterations**: 1",
        "Passed: 85%\n",
        "Test Suites: 5 passed, 5 total",
        "Passed: 9999999999999999999999",
        "We verified that 100% of paths pass.",
        "Total: 15 files changed",
        "20/13 tests passed",
    ] {
        assert_eq!(numbers(text), (None, None, None), "{text}");
    }
}

#[test]
fn a_verdict_is_taken_when_one_is_given() {
    for (text, verdict) in [
        ("**Status**: ✅ PASSED", Some(true)),
        ("**Overall Status:** FAILED", Some(false)),
        ("✅ **ALL TESTS PASSED**", Some(true)),
        ("All tests pass now.", Some(true)),
        ("**Status:** READY FOR DEPLOYMENT", None),
        ("Make sure all tests pass.", None),
        ("Not all tests passed", None),
        ("All tests passed\n1 failed, 2 passed", None),
        ("**Result:** ✅ PASS", None),
    ] {
        assert_eq!(counted(text).3, verdict, "{text}");
    }
}

#[test]
fn the_count_of_rounds_is_one_number() {
    let count = |text: &str| {
        let decoded = decode(&Format::TestCount, "x", text.as_bytes(), &Cleaner::default()).unwrap();
        let round = decoded.facts.first().map(|fact| match fact {
            Fact::TestsReported(tests) => tests.iteration,
            other => panic!("{other:?}"),
        });
        (round.flatten(), decoded.bad_fields.len())
    };
    assert_eq!(count("2\n"), (Some(2), 0));
    assert_eq!(count("\u{feff}Iteration: 3"), (Some(3), 0));
    assert_eq!(count("0"), (None, 0));
    assert_eq!(count(""), (None, 0));
    for text in ["-1", "two", "2 of 3", "99999999999", "1.5"] {
        assert_eq!(count(text), (None, 1), "{text}");
    }
}
