//! What the classifier makes of words: reads `COUNT<tab>ACTION<tab>RESOURCE` lines, prints each
//! with its classes and, at the end, how many events have a class.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::io::BufRead;

use scoring::calibrated::{Action, Classifier};

fn main() {
    let classifier = Classifier::default();
    let (mut all, mut known) = (0, 0);
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let cells: Vec<&str> = line.split('\t').collect();
        let count: u64 = cells[0].parse().unwrap();
        let place = classifier.place(cells.get(2).copied());
        let action = classifier.action(cells[1], place);
        all += count;
        known += if action == Action::Other { 0 } else { count };
        println!("{}\t{}\t{line}", action.word(), place.word());
    }
    println!("{known} of {all} events have a class");
}
