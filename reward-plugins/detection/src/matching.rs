//! Pairs rows with columns, one to one.

/// For each row its column in the assignment with the largest sum of weights; nothing where it has none, or one of weight 0.
///
/// All rows of `weights` are equally long, weights are finite and not negative. Kuhn's Hungarian method with potentials and
/// shortest paths (Jonker and Volgenant 1987): rows² × columns steps, for rows the smaller side.
///
/// ```
/// use detection::matching::optimal;
/// // Greedy would take 0.9 and then nothing.
/// assert_eq!(optimal(&[vec![0.9, 0.8], vec![0.8, 0.0]]), [Some(1), Some(0)]);
/// ```
pub fn optimal(weights: &[Vec<f64>]) -> Vec<Option<usize>> {
    let (rows, columns) = (weights.len(), weights.first().map_or(0, Vec::len));
    if rows > columns {
        let turned: Vec<Vec<f64>> = (0..columns)
            .map(|column| weights.iter().map(|row| row[column]).collect())
            .collect();
        let mut pairs = vec![None; rows];
        for (column, row) in optimal(&turned).into_iter().enumerate() {
            if let Some(row) = row {
                pairs[row] = Some(column);
            }
        }
        return pairs;
    }
    // Rows and columns are counted from 1; column 0 stands for "none yet".
    let mut row_potential = vec![0.0; rows + 1];
    let mut column_potential = vec![0.0; columns + 1];
    let mut owner = vec![0; columns + 1];
    for row in 1..=rows {
        owner[0] = row;
        let mut column = 0;
        let mut distance = vec![f64::INFINITY; columns + 1];
        let mut before = vec![0; columns + 1];
        let mut done = vec![false; columns + 1];
        // The shortest path from this row to a column that nobody owns.
        while owner[column] != 0 {
            done[column] = true;
            let from = owner[column];
            let (mut least, mut next) = (f64::INFINITY, 0);
            for other in 1..=columns {
                if done[other] {
                    continue;
                }
                let cost =
                    -weights[from - 1][other - 1] - row_potential[from] - column_potential[other];
                if cost < distance[other] {
                    distance[other] = cost;
                    before[other] = column;
                }
                if distance[other] < least {
                    least = distance[other];
                    next = other;
                }
            }
            for other in 0..=columns {
                if done[other] {
                    row_potential[owner[other]] += least;
                    column_potential[other] -= least;
                } else {
                    distance[other] -= least;
                }
            }
            column = next;
        }
        while column != 0 {
            owner[column] = owner[before[column]];
            column = before[column];
        }
    }
    let mut pairs = vec![None; rows];
    for column in 1..=columns {
        let row = owner[column];
        if row != 0 && weights[row - 1][column - 1] > 0.0 {
            pairs[row - 1] = Some(column - 1);
        }
    }
    pairs
}

/// For each row the column that it chooses: rows choose in the falling order of `ranks` (equal ones in their own order), each
/// the free column of the largest weight, the first of equal ones; nothing where that is 0.
///
/// ```
/// use detection::matching::greedy;
/// assert_eq!(greedy(&[vec![0.9, 0.8], vec![0.8, 0.0]], &[0.5, 0.5]), [Some(0), None]);
/// assert_eq!(greedy(&[vec![0.9, 0.8], vec![0.8, 0.0]], &[0.5, 0.6]), [Some(1), Some(0)]);
/// ```
pub fn greedy(weights: &[Vec<f64>], ranks: &[f64]) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|a, b| ranks[*b].total_cmp(&ranks[*a]));
    let mut pairs = vec![None; weights.len()];
    let mut taken = vec![false; weights.first().map_or(0, Vec::len)];
    for row in order {
        let mut best = (0.0, None);
        for (column, weight) in weights[row].iter().enumerate() {
            if !taken[column] && *weight > best.0 {
                best = (*weight, Some(column));
            }
        }
        if let Some(column) = best.1 {
            taken[column] = true;
            pairs[row] = Some(column);
        }
    }
    pairs
}
