//! Reads the rows of one table of a task in batches, each with its time.

use std::collections::VecDeque;

use forgecast_protocol::Timestamp;
use forgecast_store::{LegacyDb, LegacyDbError, LegacyRow, LegacyTable};

use super::value;

/// Rows per query.
const ROWS: u32 = 200;

pub(super) struct Stream {
    table: LegacyTable,
    rows: VecDeque<LegacyRow>,
    /// The last row that was read; `None` at the end of the table.
    last: Option<i64>,
    /// The time of the previous row, which a row without a time gets.
    before: Option<Timestamp>,
}

impl Stream {
    pub(super) fn new(db: &LegacyDb, table: LegacyTable, task: &str) -> Result<Self, LegacyDbError> {
        let mut stream = Self {
            table,
            rows: VecDeque::new(),
            last: Some(i64::MIN),
            before: None,
        };
        stream.read(db, task)?;
        Ok(stream)
    }

    fn read(&mut self, db: &LegacyDb, task: &str) -> Result<(), LegacyDbError> {
        if let (true, Some(last)) = (self.rows.is_empty(), self.last) {
            let rows = db.rows(self.table, task, last, ROWS)?;
            self.last = rows.last().map(|row| row.number);
            self.rows = rows.into();
        }
        Ok(())
    }

    pub(super) fn table(&self) -> LegacyTable {
        self.table
    }

    pub(super) fn has_row(&self) -> bool {
        !self.rows.is_empty()
    }

    /// The time of the next row.
    pub(super) fn at(&self) -> Option<Timestamp> {
        let columns = &self.rows.front()?.columns;
        let reported = ["timestamp", "start_time", "end_time"]
            .into_iter()
            .find_map(|name| value::time(columns.get(name)?));
        reported.or(self.before)
    }

    pub(super) fn take(
        &mut self,
        db: &LegacyDb,
        task: &str,
    ) -> Result<Option<(LegacyRow, Option<Timestamp>)>, LegacyDbError> {
        let at = self.at();
        let row = self.rows.pop_front();
        self.before = at;
        self.read(db, task)?;
        Ok(row.map(|row| (row, at)))
    }
}
