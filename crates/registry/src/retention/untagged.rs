//! Which manifests without a tag go, and in which order. Pure: the preview and the run are made of
//! it.

use std::collections::HashMap;

/// The indices of those `candidates` that go, each behind what has to go before it. A pair of
/// `needed` is a candidate and a manifest that is in its way: an index that names it, or its subject.
/// What is in the way and no candidate stays, and so does what waits for it.
pub(super) fn order(candidates: &[i64], needed: &[(i64, i64)]) -> Vec<usize> {
    let indices: HashMap<i64, usize> = candidates.iter().copied().zip(0..).collect();
    let mut in_the_way = vec![0_usize; candidates.len()];
    let mut frees: Vec<Vec<usize>> = vec![Vec::new(); candidates.len()];
    for (candidate, blocker) in needed {
        let Some(&index) = indices.get(candidate) else {
            continue;
        };
        in_the_way[index] += 1;
        if let Some(&blocker) = indices.get(blocker) {
            frees[blocker].push(index);
        }
    }
    let mut going: Vec<usize> = (0..candidates.len())
        .filter(|&index| in_the_way[index] == 0)
        .collect();
    let mut done = 0;
    while let Some(&gone) = going.get(done) {
        done += 1;
        for &index in &frees[gone] {
            in_the_way[index] -= 1;
            if in_the_way[index] == 0 {
                going.push(index);
            }
        }
    }
    going
}

#[cfg(test)]
mod tests {
    use super::order;

    /// The ids that go, in their order.
    fn going(candidates: &[i64], needed: &[(i64, i64)]) -> Vec<i64> {
        let order = order(candidates, needed);
        order.into_iter().map(|index| candidates[index]).collect()
    }

    #[test]
    fn what_is_needed_stays_and_what_needs_it_goes_first() {
        // Candidates, what is in the way of which, and what goes.
        type Case<'c> = (&'c [i64], &'c [(i64, i64)], &'c [i64]);
        let cases: [Case; 9] = [
            (&[], &[], &[]),
            (&[1, 2], &[], &[1, 2]),
            // 9 is an index under a tag.
            (&[1, 2], &[(1, 9)], &[2]),
            // An index goes before its children.
            (&[1, 2, 3], &[(1, 3), (2, 3)], &[3, 1, 2]),
            // One child is named by another index too.
            (&[1, 2, 3], &[(1, 3), (2, 3), (2, 9)], &[3, 1]),
            // A signature of a child of an index.
            (&[1, 2, 3], &[(1, 2), (2, 3)], &[3, 2, 1]),
            // What stays keeps what it leads to.
            (&[1, 2, 3], &[(1, 2), (2, 3), (3, 9)], &[]),
            // An index in an index.
            (&[1, 2, 3], &[(2, 1), (3, 2), (3, 1)], &[1, 2, 3]),
            (&[1], &[(5, 1)], &[1]),
        ];
        for (candidates, needed, expected) in cases {
            assert_eq!(
                going(candidates, needed),
                expected,
                "{candidates:?} {needed:?}"
            );
        }
    }
}
