package plugin

import "math"

// The pairs of rows and columns with the largest sum of gains: for each row its column, or -1. The Hungarian
// algorithm (H. W. Kuhn, 1955) with shortest augmenting paths, O(n³).
func assignment(gains [][]float64, rows, columns int) []int {
	size := max(rows, columns)
	cost := func(i, j int) float64 {
		if i < rows && j < columns {
			return -gains[i][j]
		}
		return 0
	}
	rowPotential := make([]float64, size+1)
	columnPotential := make([]float64, size+1)
	// The row of each column, from 1; 0 is none.
	rowOf := make([]int, size+1)
	for row := 1; row <= size; row++ {
		previous := make([]int, size+1)
		least := make([]float64, size+1)
		done := make([]bool, size+1)
		for j := range least {
			least[j] = math.Inf(1)
		}
		rowOf[0] = row
		column := 0
		for {
			done[column] = true
			from := rowOf[column]
			step, next := math.Inf(1), 0
			for j := 1; j <= size; j++ {
				if done[j] {
					continue
				}
				reduced := cost(from-1, j-1) - rowPotential[from] - columnPotential[j]
				if reduced < least[j] {
					least[j] = reduced
					previous[j] = column
				}
				if least[j] < step {
					step, next = least[j], j
				}
			}
			for j := range done {
				if done[j] {
					rowPotential[rowOf[j]] += step
					columnPotential[j] -= step
				} else {
					least[j] -= step
				}
			}
			column = next
			if rowOf[column] == 0 {
				break
			}
		}
		for column != 0 {
			rowOf[column] = rowOf[previous[column]]
			column = previous[column]
		}
	}
	pairs := make([]int, rows)
	for i := range pairs {
		pairs[i] = -1
	}
	for j := 1; j <= columns; j++ {
		if rowOf[j] <= rows && rowOf[j] > 0 {
			pairs[rowOf[j]-1] = j - 1
		}
	}
	return pairs
}
