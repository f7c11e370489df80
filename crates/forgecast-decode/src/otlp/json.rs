//! The JSON spelling: names in camel case, 64-bit integers as text or as numbers.

use std::borrow::Cow;

use serde::Deserialize;

use super::model::{Attributes, Group, MAX_ATTRIBUTES, MAX_RECORDS, Point, Record};
use crate::Unparsable;
use crate::json::body;
use crate::lenient::{Count, Flag, Integer, List, Number, Object, Scalar, Text};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Logs<'a> {
    resource_logs: List<'a, ResourceLogs<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct ResourceLogs<'a> {
    resource: Object<Resource<'a>>,
    scope_logs: List<'a, ScopeLogs<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Resource<'a> {
    attributes: List<'a, KeyValue<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct ScopeLogs<'a> {
    log_records: List<'a, LogRecord<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct LogRecord<'a> {
    time_unix_nano: Count,
    observed_time_unix_nano: Count,
    event_name: Text<'a>,
    body: Object<AnyValue<'a>>,
    attributes: List<'a, KeyValue<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Metrics<'a> {
    resource_metrics: List<'a, ResourceMetrics<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct ResourceMetrics<'a> {
    resource: Object<Resource<'a>>,
    scope_metrics: List<'a, ScopeMetrics<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct ScopeMetrics<'a> {
    metrics: List<'a, Metric<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Metric<'a> {
    name: Text<'a>,
    sum: Object<Sum<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Sum<'a> {
    data_points: List<'a, DataPoint<'a>>,
    aggregation_temporality: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct DataPoint<'a> {
    time_unix_nano: Count,
    as_double: Number,
    as_int: Number,
    attributes: List<'a, KeyValue<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct KeyValue<'a> {
    key: Text<'a>,
    value: Object<AnyValue<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct AnyValue<'a> {
    string_value: Text<'a>,
    int_value: Integer,
    double_value: Number,
    bool_value: Flag,
}

pub(super) fn logs(bytes: &[u8]) -> Result<Vec<Group<'_, Record<'_>>>, Unparsable> {
    let request: Logs<'_> = body(bytes, "no OTLP request")?;
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

pub(super) fn metrics(bytes: &[u8]) -> Result<Vec<Group<'_, Point<'_>>>, Unparsable> {
    let request: Metrics<'_> = body(bytes, "no OTLP request")?;
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
