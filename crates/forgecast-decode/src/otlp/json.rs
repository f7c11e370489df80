//! The JSON spelling: names in camel case, 64-bit integers as text or as numbers.

use std::borrow::Cow;

use serde::Deserialize;

use super::model::{Attributes, Group, MAX_ATTRIBUTES, MAX_RECORDS, Point, Record};
use crate::Unparsable;
use crate::lenient::{Count, Flag, Integer, List, Number, Object, Scalar, Text};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Logs<'a> {
    #[serde(borrow)]
    resource_logs: List<'a, ResourceLogs<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ResourceLogs<'a> {
    #[serde(borrow)]
    resource: Object<Resource<'a>>,
    #[serde(borrow)]
    scope_logs: List<'a, ScopeLogs<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resource<'a> {
    #[serde(borrow)]
    attributes: List<'a, KeyValue<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ScopeLogs<'a> {
    #[serde(borrow)]
    log_records: List<'a, LogRecord<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct LogRecord<'a> {
    time_unix_nano: Count,
    observed_time_unix_nano: Count,
    #[serde(borrow)]
    event_name: Text<'a>,
    #[serde(borrow)]
    body: Object<AnyValue<'a>>,
    #[serde(borrow)]
    attributes: List<'a, KeyValue<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metrics<'a> {
    #[serde(borrow)]
    resource_metrics: List<'a, ResourceMetrics<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ResourceMetrics<'a> {
    #[serde(borrow)]
    resource: Object<Resource<'a>>,
    #[serde(borrow)]
    scope_metrics: List<'a, ScopeMetrics<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ScopeMetrics<'a> {
    #[serde(borrow)]
    metrics: List<'a, Metric<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metric<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    sum: Object<Sum<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Sum<'a> {
    #[serde(borrow)]
    data_points: List<'a, DataPoint<'a>>,
    aggregation_temporality: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct DataPoint<'a> {
    time_unix_nano: Count,
    as_double: Number,
    as_int: Number,
    #[serde(borrow)]
    attributes: List<'a, KeyValue<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct KeyValue<'a> {
    #[serde(borrow)]
    key: Text<'a>,
    #[serde(borrow)]
    value: Object<AnyValue<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AnyValue<'a> {
    #[serde(borrow)]
    string_value: Text<'a>,
    int_value: Integer,
    double_value: Number,
    bool_value: Flag,
}

pub(super) fn logs(body: &[u8]) -> Result<Vec<Group<'_, Record<'_>>>, Unparsable> {
    let request: Logs<'_> = read(body)?;
    let mut room = MAX_RECORDS;
    let mut groups = Vec::new();
    for of_resource in request.resource_logs.items {
        let mut items = Vec::new();
        for record in of_resource
            .scope_logs
            .items
            .into_iter()
            .flat_map(|scope| scope.log_records.items)
        {
            room = spend(room)?;
            let text = record.body.0.map(|value| value.string_value.0);
            items.push(Record {
                time: record
                    .time_unix_nano
                    .0
                    .filter(|time| *time > 0)
                    .unwrap_or(record.observed_time_unix_nano.or_zero()),
                name: record.event_name.0,
                body: text.flatten(),
                attributes: attributes(record.attributes),
            });
        }
        let resource = attributes(of_resource.resource.0.unwrap_or_default().attributes);
        groups.push(Group { resource, items });
    }
    Ok(groups)
}

pub(super) fn metrics(body: &[u8]) -> Result<Vec<Group<'_, Point<'_>>>, Unparsable> {
    let request: Metrics<'_> = read(body)?;
    let mut room = MAX_RECORDS;
    let mut groups = Vec::new();
    for of_resource in request.resource_metrics.items {
        let mut items = Vec::new();
        for metric in of_resource
            .scope_metrics
            .items
            .into_iter()
            .flat_map(|scope| scope.metrics.items)
        {
            let name = metric.name.0.unwrap_or_default();
            let sum = metric.sum.0.unwrap_or_default();
            for point in sum.data_points.items {
                room = spend(room)?;
                items.push(Point {
                    metric: name.clone(),
                    time: point.time_unix_nano.or_zero(),
                    delta: sum.aggregation_temporality.0 == Some(1),
                    value: point.as_double.0.or(point.as_int.0).unwrap_or_default(),
                    attributes: attributes(point.attributes),
                });
            }
        }
        let resource = attributes(of_resource.resource.0.unwrap_or_default().attributes);
        groups.push(Group { resource, items });
    }
    Ok(groups)
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Unparsable> {
    match serde_json::from_slice::<Object<T>>(body) {
        Ok(Object(Some(request))) => Ok(request),
        Ok(Object(None)) => Err(Unparsable::Unexpected {
            expected: "an object",
            found: "something else",
        }),
        Err(error) if error.is_eof() => Err(Unparsable::Truncated),
        Err(error) => Err(Unparsable::Invalid {
            line: error.line(),
            column: error.column(),
            why: "no OTLP request",
        }),
    }
}

fn spend(room: usize) -> Result<usize, Unparsable> {
    room.checked_sub(1).ok_or(Unparsable::TooMany {
        limit: MAX_RECORDS,
        what: "records",
    })
}

fn attributes<'a>(list: List<'a, KeyValue<'a>>) -> Attributes<'a> {
    let pairs = list.items.into_iter().take(MAX_ATTRIBUTES);
    Attributes(
        pairs
            .filter_map(|pair| Some((pair.key.0?, scalar(pair.value.0?)?)))
            .collect(),
    )
}

fn scalar(value: AnyValue<'_>) -> Option<Scalar<'_>> {
    let text: Option<Cow<'_, str>> = value.string_value.0;
    text.map(Scalar::Text)
        .or(value.int_value.0.map(Scalar::Int))
        .or(value.double_value.0.map(Scalar::Float))
        .or(value.bool_value.0.map(Scalar::Flag))
}
