//! The 40 most hostile cases that the random search found (`spillway torture --hostile 40`), on a real control plane.
//!
//! Ten at a time share a control plane and a pair of sidecars: each has a namespace, a spread and nodes of its own, and what
//! befalls the sidecars or the API server in one befalls all. What a case says that is not played is in [`story`].

mod judge;
mod stage;
mod story;

use std::path::PathBuf;

use simulator::torture::Case;
use spillway_e2e::places;

use judge::assert_judged;
use stage::Stage;
use story::Story;

/// How many cases share a control plane.
const AT_ONCE: usize = 10;

fn cases() -> Vec<Case> {
    let folder = places::repository().join("e2e/cluster/hostile");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let read = |path: PathBuf| Case::read(&std::fs::read_to_string(path).unwrap()).unwrap();
    files.into_iter().map(read).collect()
}

/// The cases whose API server stays, then those whose API server goes away.
fn stories() -> Vec<Story> {
    let mut stories: Vec<Story> = cases()
        .iter()
        .enumerate()
        .map(|(number, case)| Story::of(number, case))
        .collect();
    stories.sort_by_key(|story| story.outages());
    stories
}

async fn play(group: usize) {
    let stories: Vec<Story> = stories()
        .into_iter()
        .skip(group * AT_ONCE)
        .take(AT_ONCE)
        .collect();
    assert!(!stories.is_empty());
    let stage = Stage::build(&stories).await;
    stage.play(&stories).await;
    let judged = stories.iter().map(|story| assert_judged(&stage, story));
    futures::future::join_all(judged).await;
}

#[tokio::test]
async fn the_first_ten_hostile_cases_end_as_they_must() {
    play(0).await;
}

#[tokio::test]
async fn the_second_ten_hostile_cases_end_as_they_must() {
    play(1).await;
}

#[tokio::test]
async fn the_third_ten_hostile_cases_end_as_they_must() {
    play(2).await;
}

#[tokio::test]
async fn the_last_ten_hostile_cases_end_as_they_must() {
    play(3).await;
}

#[test]
fn all_forty_cases_are_played() {
    assert_eq!(stories().len(), 4 * AT_ONCE);
}
