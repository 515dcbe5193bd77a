//! What the type tree says about one field: the questions the merge asks of the table.

use super::table::TYPES;

/// A type of the Pod's tree: its fields as the table writes them. A leaf (scalar, map, list) has none.
#[derive(Clone, Copy)]
pub(super) struct Schema(&'static str);

/// How a list field merges.
#[derive(Clone, Copy)]
pub(super) struct ListRule {
    /// The type of the elements.
    pub(super) elements: Schema,
    /// False: the patch's list replaces the pod's.
    pub(super) merges: bool,
    /// What tells objects apart; empty for scalars and for lists that are replaced.
    pub(super) key: &'static str,
}

impl Schema {
    pub(super) fn pod() -> Self {
        Self(TYPES.first().copied().unwrap_or_default())
    }

    /// The type to merge objects with that stand under this key; none for a field that does not exist.
    pub(super) fn object(self, key: &str) -> Option<Schema> {
        let field = self.field(key)?;
        Some(match field.shape.as_bytes().first() {
            Some(b'[') => Self(""),
            _ => field.inner(),
        })
    }

    /// How lists merge that stand under this key; none for a field that does not exist or is no list.
    pub(super) fn list(self, key: &str) -> Option<ListRule> {
        let field = self.field(key)?;
        let (merges, key) = match field.shape.strip_prefix('[') {
            Some(list) => match list.split_once(']')?.0 {
                "" => (false, ""),
                "+" => (true, ""),
                key => (true, key),
            },
            // The API server lets a list pass for a pointer, but not for a value.
            None if field.shape.starts_with('*') => (false, ""),
            None => return None,
        };
        Some(ListRule {
            elements: field.inner(),
            merges,
            key,
        })
    }

    pub(super) fn has(self, key: &str) -> bool {
        self.field(key).is_some()
    }

    /// The field of this name, or else the first whose name differs only in case.
    fn field(self, key: &str) -> Option<Field> {
        let fields = || self.0.split_ascii_whitespace().map(Field::read);
        fields()
            .find(|field| field.name == key)
            .or_else(|| fields().find(|field| same_but_for_case(field.name, key)))
    }
}

struct Field {
    name: &'static str,
    shape: &'static str,
}

impl Field {
    fn read(text: &'static str) -> Self {
        let end = text.find(['*', '[', ':']).unwrap_or(text.len());
        let (name, shape) = text.split_at(end);
        Self { name, shape }
    }

    fn inner(&self) -> Schema {
        let number = self
            .shape
            .rsplit_once(':')
            .and_then(|(_, number)| number.parse::<usize>().ok());
        Schema(
            number
                .and_then(|number| TYPES.get(number))
                .copied()
                .unwrap_or_default(),
        )
    }
}

/// As the API server folds: ASCII letters, and the two other characters that Unicode folds to `s` and `k`.
fn same_but_for_case(name: &str, key: &str) -> bool {
    let mut letters = name.chars();
    let all = key.chars().all(|found| {
        let found = match found {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            other => other,
        };
        letters
            .next()
            .is_some_and(|letter| letter.eq_ignore_ascii_case(&found))
    });
    all && letters.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &[&str]) -> Schema {
        path.iter().fold(Schema::pod(), |schema, key| {
            schema
                .list(key)
                .map_or_else(|| schema.object(key).unwrap(), |list| list.elements)
        })
    }

    #[test]
    fn every_number_in_the_table_is_a_type() {
        for fields in TYPES {
            for field in fields.split_ascii_whitespace() {
                if let Some((_, number)) = field.split_once(':') {
                    assert!(number.parse::<usize>().unwrap() < TYPES.len(), "{field}");
                }
            }
        }
    }

    #[test]
    fn lists_merge_as_their_tags_say() {
        let rule = |path: &[&str], list: &str| {
            let rule = at(path).list(list).unwrap();
            (rule.merges, rule.key)
        };
        assert_eq!(rule(&["spec"], "containers"), (true, "name"));
        assert_eq!(rule(&["spec"], "tolerations"), (false, ""));
        assert_eq!(rule(&["spec", "containers"], "ports"), (true, "containerPort"));
        assert_eq!(
            rule(&["spec"], "topologySpreadConstraints"),
            (true, "topologyKey")
        );
        assert_eq!(rule(&["metadata"], "finalizers"), (true, ""));
        assert_eq!(
            rule(
                &["spec", "volumes", "ephemeral", "volumeClaimTemplate", "metadata"],
                "ownerReferences"
            ),
            (true, "uid")
        );
    }

    #[test]
    fn maps_and_scalars_have_no_fields() {
        let labels = at(&["metadata", "labels"]);
        assert!(labels.object("app").is_none());
        assert!(labels.list("app").is_none());
        assert!(at(&["spec"]).list("hostname").is_none());
        assert!(at(&["spec"]).list("hostUsers").is_some());
        assert!(
            at(&["spec"])
                .object("containers")
                .is_some_and(|inner| !inner.has("name"))
        );
    }

    #[test]
    fn names_fold_as_in_go() {
        assert!(Schema::pod().has("SPEC"));
        assert!(Schema::pod().has("\u{17f}pec"));
        assert!(Schema::pod().has("\u{212a}ind"));
        assert!(!Schema::pod().has("spe"));
        assert!(!Schema::pod().has("specs"));
    }
}
