//! Who stands where in a merged list.
//!
//! The elements that the patch (or `$setElementOrder`) names take its order, the others keep the pod's; the
//! two are then interleaved by the pod's order where it knows both, and a new element goes first.

use serde_json::Value;

use super::directives::{identity, is_delete};
use super::numbers::{ByNumber, Number, Numbers};
use super::refused::{Path, Refused};
use super::value::NotComparable;

/// The order of the merged list, as indexes into it.
///
/// `order` holds the elements whose order rules, `server` what identifies the elements of the pod's list.
pub(super) fn placement(
    merged: &[&Value],
    order: &[&Value],
    server: &[&Value],
    key: &'static str,
    path: &Path<'_>,
) -> Result<Vec<usize>, Refused> {
    let order = order
        .iter()
        .map(|element| identity(element, key, path))
        .collect::<Result<Vec<_>, _>>()?;
    let mut numbers = Numbers::default();
    let mut elements = Vec::with_capacity(merged.len());
    for (index, element) in merged.iter().enumerate() {
        elements.push(Element {
            index,
            number: numbers.of(identity(element, key, path)?),
            last: is_delete(element),
        });
    }
    let order: Vec<Number> = order.into_iter().map(|id| numbers.of(id)).collect();
    let of_elements = elements.iter().map(|element| element.number);
    let comparable = !key.is_empty()
        || of_elements
            .chain(order.iter().copied())
            .all(Number::is_comparable);
    let placed = if comparable {
        let server = Ranks::of(server.iter().map(|id| numbers.of(id)));
        arrange(elements, &Ranks::of(order), &server)
    } else {
        Err(NotComparable)
    };
    placed.map_err(|NotComparable| Refused::NotComparable {
        path: path.to_string(),
    })
}

#[derive(Clone, Copy)]
struct Element {
    index: usize,
    number: Number,
    /// Carries `$patch: delete` itself, which only a pod's own element can: it ends its half.
    last: bool,
}

/// Where each identity stands first in a list.
struct Ranks(ByNumber);

impl Ranks {
    fn of(list: impl IntoIterator<Item = Number>) -> Self {
        let mut first = ByNumber::default();
        for (index, number) in list.into_iter().enumerate() {
            if first.get(number).is_none() {
                first.set(number, Some(index));
            }
        }
        Self(first)
    }

    /// Fails where the API server would compare two that nothing compares.
    fn rank(&self, element: Element) -> Result<Option<usize>, NotComparable> {
        match self.0.get(element.number) {
            Some(_) if !element.number.is_comparable() => Err(NotComparable),
            rank => Ok(rank),
        }
    }
}

fn arrange(elements: Vec<Element>, order: &Ranks, server: &Ranks) -> Result<Vec<usize>, NotComparable> {
    let (mut ordered, mut others) = (Vec::new(), Vec::new());
    for element in elements {
        match order.rank(element)? {
            Some(_) => ordered.push(element),
            None => others.push(element),
        }
    }
    interleave(&sorted(ordered, order)?, &sorted(others, server)?, server)
}

fn interleave(ordered: &[Element], others: &[Element], server: &Ranks) -> Result<Vec<usize>, NotComparable> {
    let (mut ordered, mut others) = (ordered.iter().peekable(), others.iter().peekable());
    let mut placed = Vec::with_capacity(ordered.len() + others.len());
    loop {
        let other_first = match (others.peek(), ordered.peek()) {
            (None, None) => return Ok(placed),
            (other, None) => other.is_some(),
            (None, _) => false,
            (Some(other), Some(element)) => {
                let (other, element) = (server.rank(**other)?, server.rank(**element)?);
                other.zip(element).is_some_and(|(other, element)| other < element)
            }
        };
        let next = if other_first {
            others.next()
        } else {
            ordered.next()
        };
        placed.extend(next.map(|element| element.index));
    }
}

fn sorted(elements: Vec<Element>, order: &Ranks) -> Result<Vec<Element>, NotComparable> {
    let (last, first): (Vec<_>, Vec<_>) = elements.into_iter().partition(|element| element.last);
    let mut first: Vec<_> = first
        .into_iter()
        .map(|element| Ranked {
            element,
            rank: order.rank(element),
        })
        .collect();
    stable_sort(&mut first)?;
    Ok(first
        .into_iter()
        .map(|ranked| ranked.element)
        .chain(last)
        .collect())
}

/// An element and its rank. The rank fails only when it is looked at, as in the API server.
#[derive(Clone, Copy)]
struct Ranked {
    element: Element,
    rank: Result<Option<usize>, NotComparable>,
}

/// The API server's comparison: an element that the order does not name precedes, and is preceded by, all.
/// That is no order at all, so what comes out depends on the sort, and the sort below is Go's.
fn precedes(left: Option<&Ranked>, right: Option<&Ranked>) -> Result<bool, NotComparable> {
    let (Some(left), Some(right)) = (left, right) else {
        return Ok(false);
    };
    Ok(match left.rank? {
        Some(left) => right.rank?.is_none_or(|right| left < right),
        None => true,
    })
}

/// The length of the runs that are sorted by insertion before they are merged.
const RUN: usize = 20;

fn stable_sort(elements: &mut [Ranked]) -> Result<(), NotComparable> {
    for run in elements.chunks_mut(RUN) {
        for end in 1..run.len() {
            let mut at = end;
            while at > 0 && precedes(run.get(at), run.get(at - 1))? {
                run.swap(at, at - 1);
                at -= 1;
            }
        }
    }
    let mut length = RUN;
    while length < elements.len() {
        for pair in elements.chunks_mut(2 * length).filter(|pair| pair.len() > length) {
            merge_in_place(pair, length)?;
        }
        length *= 2;
    }
    Ok(())
}

/// Merges two sorted runs, the second from `middle` on, by rotations (SymMerge; Kim and Kutzner, 2004).
fn merge_in_place(runs: &mut [Ranked], middle: usize) -> Result<(), NotComparable> {
    let length = runs.len();
    if middle == 1 {
        let to = first_that(1, length, |at| Ok(!precedes(runs.get(at), runs.first())?))?;
        rotate(runs, 0, 1, to);
        return Ok(());
    }
    if length - middle == 1 {
        let to = first_that(0, middle, |at| precedes(runs.get(middle), runs.get(at)))?;
        rotate(runs, to, middle, length);
        return Ok(());
    }
    let half = length / 2;
    let mirror = half + middle;
    let (from, to) = if middle > half {
        (mirror - length, half)
    } else {
        (0, middle)
    };
    let start = first_that(from, to, |at| precedes(runs.get(mirror - 1 - at), runs.get(at)))?;
    let end = mirror - start;
    rotate(runs, start, middle, end);
    if 0 < start && start < half {
        merge_in_place(runs.split_at_mut(half).0, start)?;
    }
    if half < end && end < length {
        merge_in_place(runs.split_at_mut(half).1, end - half)?;
    }
    Ok(())
}

/// The first index of the range where the test holds, by bisection; its end where it never does.
fn first_that(
    mut from: usize,
    mut to: usize,
    test: impl Fn(usize) -> Result<bool, NotComparable>,
) -> Result<usize, NotComparable> {
    while from < to {
        let at = from.midpoint(to);
        if test(at)? {
            to = at;
        } else {
            from = at + 1;
        }
    }
    Ok(from)
}

fn rotate(runs: &mut [Ranked], start: usize, middle: usize, end: usize) {
    if start < middle
        && middle < end
        && let Some(part) = runs.get_mut(start..end)
    {
        part.rotate_left(middle - start);
    }
}
