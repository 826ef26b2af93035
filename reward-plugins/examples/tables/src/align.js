// Which rows belong together.

/**
 * The largest sum of `gain(i, j)` over pairs of rows, of which each stands in one pair at the most: in their order, or
 * in any.
 */
export function align(count, others, gain, order) {
  const gains = Array.from({ length: count }, (_, i) => Array.from({ length: others }, (_, j) => gain(i, j)));
  return order === "any" ? assignment(gains, others) : inOrder(gains, others);
}

/** As the longest common subsequence is found, with gains instead of ones. */
function inOrder(gains, others) {
  let above = new Array(others + 1).fill(0);
  for (const row of gains) {
    const here = [0];
    for (let j = 0; j < others; j++) {
      here.push(Math.max(above[j + 1], here[j], above[j] + row[j]));
    }
    above = here;
  }
  return above[others];
}

/**
 * The Hungarian algorithm with potentials, for the square matrix that is filled up with zeros. O(n³).
 * H. W. Kuhn, The Hungarian method for the assignment problem, 1955; the form is that of shortest augmenting paths
 * (Jonker and Volgenant, 1987).
 */
function assignment(gains, others) {
  const size = Math.max(gains.length, others);
  const cost = (i, j) => -(gains[i]?.[j] ?? 0);
  const rowPotential = new Array(size + 1).fill(0);
  const columnPotential = new Array(size + 1).fill(0);
  // The row of each column, from 1; 0 is none.
  const rowOf = new Array(size + 1).fill(0);
  for (let row = 1; row <= size; row++) {
    const previous = new Array(size + 1).fill(0);
    const least = new Array(size + 1).fill(Infinity);
    const done = new Array(size + 1).fill(false);
    let column = 0;
    rowOf[0] = row;
    do {
      done[column] = true;
      const from = rowOf[column];
      let [step, next] = [Infinity, 0];
      for (let j = 1; j <= size; j++) {
        if (done[j]) {
          continue;
        }
        const reduced = cost(from - 1, j - 1) - rowPotential[from] - columnPotential[j];
        if (reduced < least[j]) {
          least[j] = reduced;
          previous[j] = column;
        }
        if (least[j] < step) {
          [step, next] = [least[j], j];
        }
      }
      for (let j = 0; j <= size; j++) {
        if (done[j]) {
          rowPotential[rowOf[j]] += step;
          columnPotential[j] -= step;
        } else {
          least[j] -= step;
        }
      }
      column = next;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      rowOf[column] = rowOf[previous[column]];
      column = previous[column];
    }
  }
  let total = 0;
  for (let j = 1; j <= size; j++) {
    total -= cost(rowOf[j] - 1, j - 1);
  }
  return total;
}
