//! The fictional projects that the demo builds.

/// A project that the demo can build.
#[derive(Debug)]
pub(crate) struct Blueprint {
    /// The folder's name, and so the session's.
    pub(crate) name: &'static str,
    /// What the build was asked to do.
    pub(crate) task: &'static str,
    /// An addition to existing code begins with Codebase Analysis.
    pub(crate) enhancement: bool,
    /// The language and what is used with it.
    pub(crate) stack: &'static [&'static str],
    /// What the scout finds out, one line each.
    pub(crate) findings: &'static [&'static str],
    /// The work of the builder.
    pub(crate) tasks: &'static [Task],
    /// How many tests the finished project has.
    pub(crate) tests: u32,
    /// Problems on the way, each found by tests and fixed by a retry.
    pub(crate) issues: &'static [Issue],
    /// Milliseconds for one unit of work; lets projects differ in pace.
    pub(crate) pace_ms: u64,
    /// Whether the build gives up in the end.
    pub(crate) fails: bool,
    /// The model that writes it.
    pub(crate) model: &'static str,
    /// The command that runs its tests.
    pub(crate) check: &'static str,
    /// The command before whose run somebody is asked, at the end of the build.
    pub(crate) asks_for: Option<&'static str>,
    /// Whether it falls silent for a while in the middle of its work.
    pub(crate) hangs: bool,
}

/// One task of the builder.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) description: &'static str,
    pub(crate) files: &'static [&'static str],
}

/// One thing that went wrong.
#[derive(Debug)]
pub(crate) struct Issue {
    pub(crate) id: &'static str,
    pub(crate) category: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) title: &'static str,
    pub(crate) root_cause: &'static str,
    pub(crate) solution: &'static str,
    /// The tests that show it.
    pub(crate) failing: &'static [&'static str],
}

const fn task(description: &'static str, files: &'static [&'static str]) -> Task {
    Task { description, files }
}

/// The projects, in the order in which the demo takes them.
pub(crate) const BLUEPRINTS: &[Blueprint] = &[
    Blueprint {
        name: "weather-app",
        task: "Build a weather dashboard with a seven-day forecast, saved places and an offline mode",
        enhancement: false,
        stack: &["typescript", "vite", "service worker", "vitest"],
        findings: &[
            "The forecast service allows 60 requests a minute: answers must be cached",
            "Browsers refuse geolocation without HTTPS, so a search by name is needed as well",
            "Stored places must survive a change of their format",
        ],
        tasks: &[
            task(
                "Set up the project, linting and the test runner",
                &["package.json", "vite.config.ts"],
            ),
            task(
                "Forecast client with cache and back-off",
                &["src/api/forecast.ts", "src/api/cache.ts"],
            ),
            task("Place search with keyboard navigation", &["src/ui/search.ts"]),
            task("Seven-day forecast cards", &["src/ui/forecast.ts", "src/ui/icons.ts"]),
            task(
                "Saved places in local storage, with migration",
                &["src/store/places.ts"],
            ),
            task("Offline mode through a service worker", &["src/sw.ts"]),
            task(
                "Units and language settings",
                &["src/store/settings.ts", "src/ui/settings.ts"],
            ),
        ],
        tests: 48,
        issues: &[Issue {
            id: "stale-cache-after-unit-change",
            category: "State",
            severity: "HIGH",
            title: "Forecast shows old units after switching to Fahrenheit",
            root_cause: "The cache key leaves out the unit, so a cached answer in Celsius is shown",
            solution: "Put the unit and the language into the cache key",
            failing: &["switching units asks again", "cached answers keep their unit"],
        }],
        pace_ms: 2_600,
        fails: false,
        model: "claude-opus-4-8",
        check: "npx vitest run",
        asks_for: Some("rm -rf dist && npm run deploy -- --production"),
        hangs: false,
    },
    Blueprint {
        name: "chess-engine",
        task: "Write a chess engine that speaks UCI, with alpha-beta search and an opening book",
        enhancement: false,
        stack: &["rust", "criterion", "proptest"],
        findings: &[
            "Perft counts to depth 5 are the accepted proof of a move generator",
            "Bitboards make sliding attacks a table lookup",
            "En passant can uncover a check along the rank: the classic bug",
        ],
        tasks: &[
            task("Board representation with bitboards", &["src/board.rs", "src/bits.rs"]),
            task("Move generation for all pieces", &["src/movegen.rs"]),
            task(
                "Make and unmake moves with Zobrist hashing",
                &["src/apply.rs", "src/zobrist.rs"],
            ),
            task("Evaluation: material, mobility, king safety", &["src/eval.rs"]),
            task("Alpha-beta with iterative deepening", &["src/search.rs"]),
            task("Transposition table", &["src/table.rs"]),
            task("UCI protocol and time control", &["src/uci.rs"]),
            task("Opening book", &["src/book.rs", "assets/book.bin"]),
        ],
        tests: 112,
        issues: &[
            Issue {
                id: "en-passant-discovered-check",
                category: "Logic",
                severity: "HIGH",
                title: "Perft at depth 5 is off by 258 after en passant captures",
                root_cause: "A pawn taken en passant leaves its rank, which can uncover a check that is not tested",
                solution: "Test the king's safety on the board after the capture, not by pins",
                failing: &[
                    "perft: start position, depth 5",
                    "perft: kiwipete, depth 4",
                    "en passant cannot uncover a check",
                ],
            },
            Issue {
                id: "table-returns-other-position",
                category: "Performance",
                severity: "MEDIUM",
                title: "Search plays a move that is illegal in the position once in 40,000 nodes",
                root_cause: "Two positions share a slot of the transposition table and only 16 bits are compared",
                solution: "Store the whole key and check that the move is legal before it is played",
                failing: &["a table hit is always a legal move"],
            },
        ],
        pace_ms: 2_900,
        fails: false,
        model: "claude-opus-5",
        check: "cargo test",
        asks_for: None,
        hangs: false,
    },
    Blueprint {
        name: "invoice-service",
        task: "Add recurring invoices and a PDF export to the invoicing service",
        enhancement: true,
        stack: &["python", "fastapi", "sqlalchemy", "pytest"],
        findings: &[
            "Amounts are stored as floats in two tables: they must become decimals first",
            "The job queue retries, so creating an invoice must be idempotent",
            "Month ends differ: the 31st needs a rule",
        ],
        tasks: &[
            task(
                "Migration: amounts from float to decimal",
                &["migrations/0042_decimal.py"],
            ),
            task("Model for schedules", &["app/models/schedule.py"]),
            task("Job that creates due invoices once", &["app/jobs/recurring.py"]),
            task("PDF templates", &["app/pdf/render.py", "app/pdf/invoice.html"]),
            task("Endpoints for schedules", &["app/api/schedules.py"]),
            task("Audit trail", &["app/audit.py"]),
        ],
        tests: 74,
        issues: &[Issue {
            id: "month-end-drift",
            category: "Logic",
            severity: "HIGH",
            title: "A schedule on the 31st moves to the 28th for good after February",
            root_cause: "The next date is worked out from the last one instead of from the schedule's own day",
            solution: "Keep the day of the schedule and clamp it to each month",
            failing: &["monthly on the 31st comes back to the 31st", "leap years keep the 29th"],
        }],
        pace_ms: 2_400,
        fails: false,
        model: "claude-sonnet-4-6",
        check: "pytest -q",
        asks_for: Some("psql $DATABASE_URL -f migrations/0042_decimal.sql"),
        hangs: false,
    },
    Blueprint {
        name: "photo-organizer",
        task: "Build a desktop tool that sorts photos by place and time and finds duplicates",
        enhancement: false,
        stack: &["go", "sqlite", "exif"],
        findings: &[
            "A third of the sample pictures have no position; the clock of one camera is off by an hour",
            "A perceptual hash finds copies that were scaled or saved again",
            "Originals must never be written to",
        ],
        tasks: &[
            task("Walk folders and read metadata", &["scan/walk.go", "scan/exif.go"]),
            task("Index in SQLite", &["index/db.go", "index/schema.sql"]),
            task("Perceptual hash", &["hash/phash.go"]),
            task("Duplicate groups", &["dupes/groups.go"]),
            task("Places from positions, offline", &["geo/places.go"]),
            task("Preview with keyboard review", &["ui/review.go"]),
            task("Undo journal", &["journal/journal.go"]),
        ],
        tests: 63,
        issues: &[Issue {
            id: "rotated-copies-missed",
            category: "Testing",
            severity: "MEDIUM",
            title: "Copies that were rotated are not found as duplicates",
            root_cause: "The hash is taken before the orientation of the metadata is applied",
            solution: "Apply the orientation first, then hash",
            failing: &["a rotated copy is a duplicate"],
        }],
        pace_ms: 2_700,
        fails: false,
        model: "claude-opus-4-8",
        check: "go test ./...",
        asks_for: None,
        hangs: true,
    },
    Blueprint {
        name: "chat-relay",
        task: "Add end-to-end encryption and read receipts to the chat relay",
        enhancement: true,
        stack: &["elixir", "phoenix", "libsodium"],
        findings: &[
            "Devices join and leave: keys belong to devices, not to people",
            "Receipts would reveal who reads at night; they must be optional",
            "The relay holds 40,000 open sockets: nothing may be done per message and socket twice",
        ],
        tasks: &[
            task("Key bundles per device", &["lib/relay/keys.ex"]),
            task("Sessions between devices", &["lib/relay/session.ex"]),
            task("Sealed envelopes on the wire", &["lib/relay/envelope.ex"]),
            task("Read receipts, off by default", &["lib/relay/receipts.ex"]),
            task("Rotation when a device leaves", &["lib/relay/rotation.ex"]),
        ],
        tests: 57,
        issues: &[Issue {
            id: "receipt-before-message",
            category: "Concurrency",
            severity: "HIGH",
            title: "A receipt can overtake the message that it confirms",
            root_cause: "Receipts go over a second channel without an order between the two",
            solution: "Send receipts on the message channel, numbered with it",
            failing: &[
                "a receipt never comes before its message",
                "receipts survive a reconnect",
            ],
        }],
        pace_ms: 2_500,
        fails: true,
        model: "claude-sonnet-5",
        check: "mix test",
        asks_for: None,
        hangs: false,
    },
    Blueprint {
        name: "recipe-planner",
        task: "Build a meal planner that makes a shopping list from recipes and what is in the fridge",
        enhancement: false,
        stack: &["svelte", "typescript", "indexeddb", "playwright"],
        findings: &[
            "Units must be converted by ingredient: a cup of flour is not a cup of sugar",
            "Plans are edited by two people at once",
            "Recipes on the web carry a machine-readable description more often than not",
        ],
        tasks: &[
            task("Ingredient parser", &["src/lib/ingredients.ts", "src/lib/units.ts"]),
            task("Recipe import", &["src/lib/import.ts"]),
            task("Week plan with drag and drop", &["src/routes/plan/+page.svelte"]),
            task("Shopping list by aisle", &["src/lib/shopping.ts"]),
            task("Fridge with best-before dates", &["src/lib/fridge.ts"]),
            task("Merging of two edits", &["src/lib/merge.ts"]),
        ],
        tests: 81,
        issues: &[Issue {
            id: "fractions-lost",
            category: "Parsing",
            severity: "LOW",
            title: "Half a teaspoon of salt becomes one and a half",
            root_cause: "The character for one half is read as the number one and a fraction",
            solution: "Normalize the text before it is parsed and test all fractions",
            failing: &["parses vulgar fractions"],
        }],
        pace_ms: 2_300,
        fails: false,
        model: "claude-opus-4-8",
        check: "npx playwright test",
        asks_for: Some("git push --force-with-lease origin main"),
        hangs: false,
    },
];
