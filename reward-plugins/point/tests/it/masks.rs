//! Masks beside pycocotools (`tests/peers/verifiers.py`), and the largest matching beside `SciPy`'s.

use point::mask::Mask;
use point::matching;
use rlhost_plugin::serde_json::{Value, from_str};

fn rows() -> Vec<Value> {
    let text = include_str!("../fixtures/peer.jsonl");
    text.lines().map(|line| from_str(line).unwrap()).collect()
}

#[test]
fn masks_are_those_of_pycocotools() {
    let mut checked = 0;
    for row in rows().iter().filter(|row| row.get("rows").is_some()) {
        let plain = Mask::read(&row["rows"]).unwrap();
        let cells = row["rows"].as_array().unwrap();
        let (width, height) = plain.size();
        for y in 0..height {
            for (x, cell) in (0..).zip(cells[y as usize].as_str().unwrap().chars()) {
                assert_eq!(plain.holds(x, y), cell == '1', "{x} {y} {row}");
            }
        }
        assert!(!plain.holds(width, 0) && !plain.holds(0, height));
        for coded in ["compressed", "runs"] {
            assert_eq!(Mask::read(&row[coded]).unwrap(), plain, "{coded} {row}");
        }
        checked += 1;
    }
    assert_eq!(checked, 60);
}

#[test]
fn the_largest_matching_is_that_of_scipy() {
    let mut checked = 0;
    for row in rows().iter().filter(|row| row.get("hits").is_some()) {
        let hits: Vec<Vec<usize>> = row["hits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hit| {
                hit.as_array()
                    .unwrap()
                    .iter()
                    .map(|t| t.as_u64().unwrap() as usize)
                    .collect()
            })
            .collect();
        let targets = row["targets"].as_u64().unwrap() as usize;
        assert_eq!(
            matching::largest(&hits, targets) as u64,
            row["largest"].as_u64().unwrap(),
            "{row}"
        );
        checked += 1;
    }
    assert_eq!(checked, 300);
}
