//! Reads what `scenario.yaml` expects of a run.

use super::reader::At;
use super::script::{Bound, Expectation, Split};

pub(super) fn read_expectations(at: &At<'_>) -> Vec<Expectation> {
    let Some(fields) = at.as_map("`maxOver` and `splits`") else {
        return Vec::new();
    };
    let mut expectations = Vec::new();
    let over = fields
        .optional("maxOver")
        .map(|at| at.as_entries("a map from subset to pods"))
        .unwrap_or_default();
    for (subset, at) in over {
        let most = at.as_number(0, 1_000_000);
        expectations.extend(most.map(|most| {
            Expectation::MaxOver(Bound {
                subset: subset.to_owned(),
                most,
            })
        }));
    }
    let splits = fields
        .optional("splits")
        .map(|at| at.as_list("a list of splits"))
        .unwrap_or_default();
    expectations.extend(splits.iter().filter_map(read_split).map(Expectation::Split));
    fields.no_others();
    expectations
}

fn read_split(at: &At<'_>) -> Option<Split> {
    let fields = at.as_map("`at` and `subsets`")?;
    let moment = fields
        .required("at", "a time such as `10s`")
        .and_then(|at| at.as_span());
    let subsets = fields.required("subsets", "a map from subset to pods");
    let within = fields
        .optional("within")
        .map_or(Some(0), |at| at.as_number(0, 1_000_000));
    fields.no_others();
    let counts = subsets?.as_entries("a map from subset to pods").into_iter();
    let subsets = counts
        .filter_map(|(name, at)| Some((name.to_owned(), at.as_number(0, 1_000_000)?)))
        .collect();
    Some(Split {
        at: moment?,
        subsets,
        within: within?,
    })
}
