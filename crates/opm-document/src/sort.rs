//! Go's `sort.Slice`: a pattern-defeating quicksort, unstable but deterministic.
//!
//! Where the order of equal items reaches an output, only the very same algorithm gives the same bytes. Unlike the sorts
//! of the standard library it also bears with an order that contradicts itself.

use std::ops::ControlFlow;

/// Sorts as Go does. `less` says whether its first argument must come before the second.
pub fn sort<T>(items: &mut [T], less: impl FnMut(&T, &T) -> bool) {
    let end = items.len();
    let limit = usize::BITS - end.leading_zeros();
    Sorter { items, less }.quick(0, end, limit);
}

#[derive(Clone, Copy, PartialEq)]
enum Hint {
    Unknown,
    Increasing,
    Decreasing,
}

struct Sorter<'a, T, F> {
    items: &'a mut [T],
    less: F,
}

/// Below this length ranges are sorted by insertion.
const SHORT: usize = 12;

impl<T, F: FnMut(&T, &T) -> bool> Sorter<'_, T, F> {
    fn less(&mut self, a: usize, b: usize) -> bool {
        (self.less)(&self.items[a], &self.items[b])
    }

    fn quick(&mut self, mut a: usize, mut b: usize, mut limit: u32) {
        let mut balanced = true;
        let mut partitioned = true;
        loop {
            let length = b - a;
            if length <= SHORT {
                return self.insertion(a, b);
            }
            if limit == 0 {
                return self.heap(a, b);
            }
            if !balanced {
                self.scatter(a, b);
                limit -= 1;
            }
            let (mut pivot, mut hint) = self.choose_pivot(a, b);
            if hint == Hint::Decreasing {
                self.items[a..b].reverse();
                pivot = (b - 1) - (pivot - a);
                hint = Hint::Increasing;
            }
            if balanced && partitioned && hint == Hint::Increasing && self.partial_insertion(a, b).is_break() {
                return;
            }
            if a > 0 && !self.less(a - 1, pivot) {
                a = self.partition_equal(a, b, pivot);
                continue;
            }
            let middle;
            (middle, partitioned) = self.partition(a, b, pivot);
            let (left, right) = (middle - a, b - middle);
            if left < right {
                balanced = left >= length / 8;
                self.quick(a, middle, limit);
                a = middle + 1;
            } else {
                balanced = right >= length / 8;
                self.quick(middle + 1, b, limit);
                b = middle;
            }
        }
    }

    fn insertion(&mut self, a: usize, b: usize) {
        for i in a + 1..b {
            let mut j = i;
            while j > a && self.less(j, j - 1) {
                self.items.swap(j, j - 1);
                j -= 1;
            }
        }
    }

    fn heap(&mut self, a: usize, b: usize) {
        let length = b - a;
        for root in (0..=(length - 1) / 2).rev() {
            self.sift_down(root, length, a);
        }
        for end in (0..length).rev() {
            self.items.swap(a, a + end);
            self.sift_down(0, end, a);
        }
    }

    fn sift_down(&mut self, mut root: usize, end: usize, first: usize) {
        loop {
            let mut child = 2 * root + 1;
            if child >= end {
                return;
            }
            if child + 1 < end && self.less(first + child, first + child + 1) {
                child += 1;
            }
            if !self.less(first + root, first + child) {
                return;
            }
            self.items.swap(first + root, first + child);
            root = child;
        }
    }

    /// Breaks patterns that make partitions uneven.
    fn scatter(&mut self, a: usize, b: usize) {
        let length = b - a;
        if length < 8 {
            return;
        }
        let mut random = length as u64;
        let mask = (1u64 << (usize::BITS - length.leading_zeros())) - 1;
        let center = a + (length / 4) * 2;
        for index in center - 1..=center + 1 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let mut other = usize::try_from(random & mask).unwrap_or(0);
            if other >= length {
                other -= length;
            }
            self.items.swap(index, a + other);
        }
    }

    fn choose_pivot(&mut self, a: usize, b: usize) -> (usize, Hint) {
        let length = b - a;
        let mut exchanges = 0;
        let mut samples = [1, 2, 3].map(|quarter| a + length / 4 * quarter);
        if length >= 50 {
            samples = samples.map(|at| self.median([at - 1, at, at + 1], &mut exchanges));
        }
        let pivot = self.median(samples, &mut exchanges);
        let hint = match exchanges {
            0 => Hint::Increasing,
            12 => Hint::Decreasing,
            _ => Hint::Unknown,
        };
        (pivot, hint)
    }

    fn median(&mut self, mut at: [usize; 3], exchanges: &mut u32) -> usize {
        for (x, y) in [(0, 1), (1, 2), (0, 1)] {
            if self.less(at[y], at[x]) {
                at.swap(x, y);
                *exchanges += 1;
            }
        }
        at[1]
    }

    /// Breaks if the range turned out to be nearly sorted, and now is.
    fn partial_insertion(&mut self, a: usize, b: usize) -> ControlFlow<()> {
        let mut i = a + 1;
        for _ in 0..5 {
            while i < b && !self.less(i, i - 1) {
                i += 1;
            }
            if i == b {
                return ControlFlow::Break(());
            }
            if b - a < 50 {
                break;
            }
            self.items.swap(i, i - 1);
            if i - a >= 2 {
                for j in (1..i).rev() {
                    if !self.less(j, j - 1) {
                        break;
                    }
                    self.items.swap(j, j - 1);
                }
            }
            if b - i >= 2 {
                for j in i + 1..b {
                    if !self.less(j, j - 1) {
                        break;
                    }
                    self.items.swap(j, j - 1);
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Gathers the items equal to the pivot at the front; returns where the others begin.
    fn partition_equal(&mut self, a: usize, b: usize, pivot: usize) -> usize {
        self.items.swap(a, pivot);
        let (mut i, mut j) = (a + 1, b - 1);
        loop {
            while i <= j && !self.less(a, i) {
                i += 1;
            }
            while i <= j && self.less(a, j) {
                j -= 1;
            }
            if i > j {
                return i;
            }
            self.items.swap(i, j);
            i += 1;
            j -= 1;
        }
    }

    /// Puts smaller items before the pivot and others behind; returns its place and whether nothing had to move.
    fn partition(&mut self, a: usize, b: usize, pivot: usize) -> (usize, bool) {
        self.items.swap(a, pivot);
        let (mut i, mut j) = (a + 1, b - 1);
        let mut untouched = true;
        loop {
            while i <= j && self.less(i, a) {
                i += 1;
            }
            while i <= j && !self.less(j, a) {
                j -= 1;
            }
            if i > j {
                self.items.swap(j, a);
                return (j, untouched);
            }
            untouched = false;
            self.items.swap(i, j);
            i += 1;
            j -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::sort;

    proptest! {
        #[test]
        fn it_sorts(mut items in prop::collection::vec(0u16..200, 0..400)) {
            let mut expected = items.clone();
            expected.sort_unstable();
            sort(&mut items, |a, b| a < b);
            prop_assert_eq!(items, expected);
        }

        #[test]
        fn short_ranges_and_sorted_ones_stay_stable(length in 0usize..13, sorted in 0usize..400) {
            let mut items: Vec<_> = (0..length).map(|index| (index % 2, index)).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|item| item.0);
            sort(&mut items, |a, b| a.0 < b.0);
            prop_assert_eq!(items, expected);
            let mut items: Vec<_> = (0..sorted).map(|index| (index / 7, index)).collect();
            let expected = items.clone();
            sort(&mut items, |a, b| a.0 < b.0);
            prop_assert_eq!(items, expected);
        }

        #[test]
        fn an_order_that_contradicts_itself_does_no_harm(mut items in prop::collection::vec(0u32..50, 0..300)) {
            let mut expected = items.clone();
            sort(&mut items, |a, b| (a * 7 + b * 3) % 5 < 2);
            items.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(items, expected);
        }
    }

    #[test]
    fn patterns_that_defeat_a_plain_quicksort() {
        for length in [13, 50, 100, 1000, 5000] {
            for pattern in 0..5usize {
                let value = |index: usize| match pattern {
                    0 => length - index,
                    1 => index % 2,
                    2 => index.min(length - index),
                    3 => 0,
                    _ => index * 7919 % 31,
                };
                let mut items: Vec<_> = (0..length).map(value).collect();
                let mut expected = items.clone();
                expected.sort_unstable();
                let mut comparisons = 0u32;
                sort(&mut items, |a, b| {
                    comparisons += 1;
                    a < b
                });
                assert_eq!(items, expected);
                assert!(comparisons < 200_000, "{comparisons} comparisons for {length} items, pattern {pattern}");
            }
        }
    }
}
