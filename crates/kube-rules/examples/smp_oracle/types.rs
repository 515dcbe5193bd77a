//! The type tree as the judge prints it, so that the cases do not come from the table under test.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A scalar, a map or an object, by value or by pointer.
    One,
    /// A list that a patch replaces.
    Replaced,
    /// A list of scalars that a patch adds to.
    Set,
    /// A list of objects merged by this key.
    Keyed(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    /// The type of the value or of the elements, where it has fields.
    pub(crate) inner: Option<usize>,
}

pub(crate) struct Types {
    fields: Vec<Vec<Field>>,
    /// Per type, the fields under which a list merges.
    merging: Vec<Vec<Field>>,
}

impl Types {
    pub(crate) fn read(text: &str) -> Self {
        let fields: Vec<Vec<Field>> = text
            .lines()
            .map(|line| line.split_ascii_whitespace().map(Field::read).collect())
            .collect();
        let mut merges = vec![false; fields.len()];
        let leads = |merges: &[bool], field: &Field| match field.shape {
            Shape::Keyed(_) | Shape::Set => true,
            Shape::One => field
                .inner
                .is_some_and(|inner| merges.get(inner).copied().unwrap_or(false)),
            Shape::Replaced => false,
        };
        for _ in 0..8 {
            let next = fields
                .iter()
                .map(|fields| fields.iter().any(|field| leads(&merges, field)))
                .collect();
            merges = next;
        }
        let merging = fields
            .iter()
            .map(|fields| {
                fields
                    .iter()
                    .filter(|field| leads(&merges, field))
                    .cloned()
                    .collect()
            })
            .collect();
        Self { fields, merging }
    }

    pub(crate) fn fields(&self, of: usize) -> &[Field] {
        self.fields.get(of).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn merging(&self, of: usize) -> &[Field] {
        self.merging.get(of).map_or(&[], Vec::as_slice)
    }
}

impl Field {
    fn read(text: &str) -> Self {
        let (text, inner) = match text.split_once(':') {
            Some((text, number)) => (text, number.parse().ok()),
            None => (text, None),
        };
        let (name, shape) = match text.trim_end_matches(['*', ']']).split_once('[') {
            Some((name, "")) => (name, Shape::Replaced),
            Some((name, "+")) => (name, Shape::Set),
            Some((name, key)) => (name, Shape::Keyed(key.to_owned())),
            None => (text.trim_end_matches('*'), Shape::One),
        };
        Self {
            name: name.to_owned(),
            shape,
            inner,
        }
    }
}
