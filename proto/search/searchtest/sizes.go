package searchtest

// Sizes are how many messages each of n conversations has, the longest first, of total in all, which is at least n: as
// people's are, a few are long, and most are short. The second has about half as many as the first, the third a third.
func Sizes(total, n int) []int {
	var sum float64
	for i := range n {
		sum += 1 / float64(i+1)
	}
	sizes := make([]int, n)
	left := total - n // beside one in each
	for i := range sizes {
		more := min(int(float64(total-n)/sum/float64(i+1)), left)
		sizes[i], left = 1+more, left-more
	}
	sizes[0] += left // what was rounded off
	return sizes
}
