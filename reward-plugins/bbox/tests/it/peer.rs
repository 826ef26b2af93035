//! Intersection over union beside Shapely (`tests/peers/verifiers.py`).

use bbox::geometry::Box2;
use rlhost_plugin::serde_json::{Value, from_str};

#[test]
fn the_iou_is_that_of_shapely() {
    let rows: Vec<Value> = include_str!("../fixtures/peer.jsonl")
        .lines()
        .map(|line| from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 600);
    let mut overlap = 0;
    for row in &rows {
        let corners = |at: usize| {
            let n = |i: usize| row["boxes"][at][i].as_f64().unwrap();
            Box2::new(n(0), n(1), n(2), n(3)).unwrap()
        };
        let expected = row["iou"].as_f64().unwrap();
        for got in [corners(0).iou(&corners(1)), corners(1).iou(&corners(0))] {
            assert!((got - expected).abs() < 1e-9, "{got} {row}");
        }
        overlap += u32::from(expected > 0.0 && expected < 1.0);
    }
    assert!(overlap > 300, "only {overlap} pairs overlap in part");
}
