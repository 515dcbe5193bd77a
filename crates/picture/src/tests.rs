use simulator::{Mark, MarkKind, Millis};

use super::*;
use crate::stacks::{Layer, Load};

fn stacks() -> Stacks {
    let layer = |subset: &str, running: [u64; 3], pending: [u64; 3]| Layer {
        subset: subset.to_owned(),
        running: running.to_vec(),
        pending: pending.to_vec(),
    };
    Stacks {
        seconds: vec![0.0, 1.0, 2.0],
        desired: vec![0, 14, 7],
        layers: vec![
            layer("fixed", [0, 4, 7], [0, 3, 0]),
            layer("elastic", [0, 7, 0], [0, 0, 0]),
        ],
        load: None,
        marks: Vec::new(),
    }
}

fn loaded() -> Stacks {
    Stacks {
        load: Some(Load {
            seconds: vec![0.5, 1.0, 2.0],
            arriving: vec![100.0, 220.0, 50.0],
            served: vec![100.0, 150.0, 80.0],
            lost: vec![0.0, 20.0, 0.0],
        }),
        marks: vec![Mark {
            t: Millis(1500),
            kind: MarkKind::Subset,
            text: "fixed closed".to_owned(),
        }],
        ..stacks()
    }
}

fn one(stacks: Stacks) -> Vec<Panel> {
    vec![Panel {
        heading: String::new(),
        stacks,
    }]
}

fn caption() -> Caption {
    Caption {
        title: "demo <1>".into(),
        subtitle: "seed 1".into(),
    }
}

/// The words of a drawing, in its order.
fn words(svg: &str) -> Vec<&str> {
    let texts = svg.split("<text").skip(1);
    texts
        .filter_map(|rest| rest.split_once('>')?.1.split_once('<'))
        .map(|(words, _)| words.trim())
        .collect()
}

#[test]
fn a_drawing_names_its_axes_subsets_and_title() {
    let text = svg(&one(stacks()), &caption());
    let words = words(&text);
    assert_eq!(
        words[..6],
        [
            "demo &lt;1&gt;",
            "seed 1",
            "fixed",
            "elastic",
            "pending",
            "desired"
        ]
    );
    assert!(
        words.contains(&"time (s)") && words.contains(&"pods"),
        "{words:?}"
    );
    assert!(!words.contains(&"requests/s"), "{words:?}");
    usvg::Tree::from_str(&text, &usvg::Options::default()).unwrap();
}

#[test]
fn requests_and_marks_are_drawn_where_there_are_any() {
    let text = svg(&one(loaded()), &caption());
    let words = words(&text);
    for wanted in [
        "requests arriving",
        "served",
        "lost",
        "requests/s",
        "1. 1.5 s: fixed closed",
    ] {
        assert!(words.contains(&wanted), "no `{wanted}` in {words:?}");
    }
}

#[test]
fn who_cannot_see_it_is_told() {
    let text = svg(&one(loaded()), &caption());
    let (_, description) = text.split_once("<desc").unwrap();
    let (description, _) = description.split_once("</desc>").unwrap();
    assert!(
        description.ends_with(
            "seed 1 pods over 2 s, at most 14 desired. fixed: at most 7 running and 3 pending; \
             elastic: at most 7 running and 0 pending. At most 220 requests per second."
        ),
        "{description}"
    );
}

#[test]
fn the_same_outcome_gives_the_same_bytes() {
    let png = png(&one(loaded()), &caption()).unwrap();
    assert_eq!(&png[1..4], b"PNG");
    assert_eq!(png, super::png(&one(loaded()), &caption()).unwrap());
}

#[test]
fn several_runs_share_their_scales_and_each_has_its_heading() {
    let panel = |heading: &str, stacks| Panel {
        heading: heading.to_owned(),
        stacks,
    };
    let mut longer = stacks();
    longer.seconds = vec![0.0, 30.0, 60.0];
    let text = svg(&[panel("a.yaml", stacks()), panel("b.yaml", longer)], &caption());
    let words = words(&text);
    assert!(words.contains(&"a.yaml") && words.contains(&"b.yaml"));
    assert_eq!(words.iter().filter(|word| **word == "60").count(), 2, "{words:?}");
}

#[test]
fn what_xml_does_not_know_is_left_out() {
    let caption = Caption {
        title: "a\u{1b}[31mb".into(),
        subtitle: "c\u{0}d\u{ffff}e".into(),
    };
    let drawn = svg(&one(stacks()), &caption);
    let found = words(&drawn);
    assert!(found.contains(&"a[31mb") && found.contains(&"cde"), "{found:?}");
    png(&one(stacks()), &caption).unwrap();
}
