//! The JSON spelling: names in camel case, 64-bit integers as text or as numbers.

use std::borrow::Cow;

use serde::Deserialize;

use super::model::{Attributes, Group, MAX_ATTRIBUTES, MAX_RECORDS, Point, Record, spend};
use crate::Unparsable;
use crate::json::body;
use crate::lenient::{Count, Flag, Integer, List, Number, Object, Scalar, Text};

/// A request of either signal, whose records are `T`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a, T: Default + Deserialize<'de>"))]
struct Request<'a, T> {
    #[serde(rename = "resourceLogs", alias = "resourceMetrics")]
    resources: List<'a, OfResource<'a, T>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a, T: Default + Deserialize<'de>"))]
struct OfResource<'a, T> {
    resource: Object<Resource<'a>>,
    #[serde(rename = "scopeLogs", alias = "scopeMetrics")]
    scopes: List<'a, Scope<'a, T>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Resource<'a> {
    attributes: List<'a, KeyValue<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a, T: Default + Deserialize<'de>"))]
struct Scope<'a, T> {
    #[serde(rename = "logRecords", alias = "metrics")]
    records: List<'a, T>,
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
    let mut room = MAX_RECORDS;
    groups(bytes, |record: LogRecord<'_>, items| {
        spend(&mut room)?;
        let time = record.time_unix_nano.0.filter(|time| *time > 0);
        items.push(Record {
            time: time.unwrap_or(record.observed_time_unix_nano.or_zero()),
            name: record.event_name.0,
            body: record.body.0.and_then(|value| value.string_value.0),
            attributes: attributes(record.attributes),
        });
        Ok(())
    })
}

pub(super) fn metrics(bytes: &[u8]) -> Result<Vec<Group<'_, Point<'_>>>, Unparsable> {
    let mut room = MAX_RECORDS;
    groups(bytes, |metric: Metric<'_>, items| {
        let name = metric.name.0.unwrap_or_default();
        let sum = metric.sum.0.unwrap_or_default();
        for point in sum.data_points.items {
            spend(&mut room)?;
            items.push(Point {
                metric: name.clone(),
                time: point.time_unix_nano.or_zero(),
                delta: sum.aggregation_temporality.0 == Some(1),
                value: point.as_double.0.or(point.as_int.0).unwrap_or_default(),
                attributes: attributes(point.attributes),
            });
        }
        Ok(())
    })
}

/// Reads a request; `take` adds to the items of a resource what a record of it holds.
fn groups<'b, T: Default + Deserialize<'b>, I>(
    bytes: &'b [u8],
    mut take: impl FnMut(T, &mut Vec<I>) -> Result<(), Unparsable>,
) -> Result<Vec<Group<'b, I>>, Unparsable> {
    let request: Request<'b, T> = body(bytes, "no OTLP request")?;
    let mut groups = Vec::new();
    for of_resource in request.resources.items {
        let mut items = Vec::new();
        for record in of_resource
            .scopes
            .items
            .into_iter()
            .flat_map(|scope| scope.records.items)
        {
            take(record, &mut items)?;
        }
        let resource = attributes(of_resource.resource.0.unwrap_or_default().attributes);
        groups.push(Group { resource, items });
    }
    Ok(groups)
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
