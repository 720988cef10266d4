//! The best `k` of a search so far, and what a search answers.

use std::collections::BinaryHeap;

use crate::space::address::Address;

/// What was found and how far it is from the query; ordered by distance, then by where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Hamming distance, in bits; always exact.
    pub distance: u32,
    /// Which of the scopes searched, by its place among them.
    pub scope: u16,
    /// Where in its space.
    pub address: Address,
}

/// The best `k` so far.
#[derive(Clone)]
pub(super) struct Best {
    k: usize,
    distance_max: u32,
    /// The worst of them on top.
    hits: BinaryHeap<Hit>,
}

impl Best {
    /// None yet, of `k` up to a distance.
    pub(super) fn new(k: usize, distance_max: u32) -> Self {
        Self {
            k,
            distance_max,
            hits: BinaryHeap::new(),
        }
    }

    /// What lies beyond this distance cannot be among the best; what lies at it may, by its address.
    pub(super) fn bound(&self) -> u32 {
        match self.hits.peek() {
            Some(worst) if self.hits.len() == self.k => worst.distance,
            _ => self.distance_max,
        }
    }

    /// Within which distances the best of all lie, in order: the first, the second, and so on.
    pub(super) fn bounds(&self) -> Vec<u32> {
        let mut bounds: Vec<u32> = self.hits.iter().map(|hit| hit.distance).collect();
        bounds.resize(self.k, self.distance_max);
        bounds.sort_unstable();
        bounds
    }

    /// The distance that so many of the best lie within, as far as there are so many.
    pub(super) fn distance_of(&self, count: usize) -> u32 {
        let mut distances: Vec<u32> = self.hits.iter().map(|hit| hit.distance).collect();
        match (1..=distances.len()).contains(&count) {
            true => *distances.select_nth_unstable(count - 1).1,
            false => self.distance_max,
        }
    }

    pub(super) fn offer(&mut self, hit: Hit) {
        if hit.distance > self.distance_max {
            return;
        }
        if self.hits.len() < self.k {
            self.hits.push(hit);
        } else if let Some(mut worst) = self.hits.peek_mut()
            && hit < *worst
        {
            *worst = hit;
        }
    }

    #[cfg(feature = "parallel")]
    pub(super) fn merge(mut self, other: Self) -> Self {
        other.hits.into_iter().for_each(|hit| self.offer(hit));
        self
    }

    pub(super) fn into_sorted(self) -> Vec<Hit> {
        self.hits.into_sorted_vec()
    }
}
