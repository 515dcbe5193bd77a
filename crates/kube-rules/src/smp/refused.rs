//! Why a patch cannot be merged, and where.

use std::fmt;

/// A patch, or a pod, that the API server would refuse as well.
///
/// `path` is the place in the patch, list elements counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The pod or the patch is something else than an object.
    NotAnObject {
        /// Which of the two.
        what: &'static str,
    },
    /// `$patch` holds a word it cannot hold.
    UnknownDirective {
        /// The object or element that holds it.
        path: String,
    },
    /// `$setElementOrder` or `$deleteFromPrimitiveList` without the field it is for.
    DirectiveWithoutField {
        /// The directive.
        path: String,
    },
    /// A directive that must be a list of scalars is not.
    DirectiveNotAList {
        /// The directive.
        path: String,
    },
    /// A key of the patch that `$retainKeys` beside it does not name.
    NotRetained {
        /// The key.
        path: String,
    },
    /// `$setElementOrder` lacks an element of the patch's list, or has two the other way round.
    NotInOrder {
        /// The directive.
        path: String,
    },
    /// `$setElementOrder` for a list that is empty on both sides.
    NothingToOrder {
        /// The list.
        path: String,
    },
    /// The patch would have to merge inside a field that a Pod does not have.
    UnknownField {
        /// The field.
        path: String,
    },
    /// The patch, or the pod, has a list where a Pod has none, or the other way round.
    WrongShape {
        /// The field.
        path: String,
    },
    /// The list of the pod and that of the patch hold elements of several kinds, nulls or lists.
    MixedElements {
        /// The list.
        path: String,
    },
    /// Objects in a list that merges scalars, or in a list that is replaced whole.
    NoMergeKey {
        /// The list.
        path: String,
    },
    /// An element of the pod, the patch or a directive has no merge key.
    MergeKeyMissing {
        /// The list.
        path: String,
        /// The merge key.
        key: &'static str,
    },
    /// Elements that only differ inside an object or a list, which nothing can compare.
    NotComparable {
        /// The list.
        path: String,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject { what } => write!(f, "the {what} is not a JSON object"),
            Self::UnknownDirective { path } => {
                if !path.is_empty() {
                    write!(f, "`{path}`: ")?;
                }
                write!(f, "`$patch` must be `replace` or `delete`; leave it out to merge")
            }
            Self::DirectiveWithoutField { path } => {
                write!(
                    f,
                    "`{path}` names no field: write the directive, a slash and the field"
                )
            }
            Self::DirectiveNotAList { path } => write!(f, "`{path}` must be a list of strings or numbers"),
            Self::NotRetained { path } => {
                write!(
                    f,
                    "`{path}` is set but `$retainKeys` beside it does not name it: add it there"
                )
            }
            Self::NotInOrder { path } => {
                write!(
                    f,
                    "`{path}` must name every element of the patch's list, in the same order"
                )
            }
            Self::NothingToOrder { path } => {
                write!(
                    f,
                    "`{path}` has no elements to order: remove its `$setElementOrder`"
                )
            }
            Self::UnknownField { path } => {
                write!(
                    f,
                    "`{path}` is not a field of a pod, so nothing can be merged into it: check its spelling"
                )
            }
            Self::WrongShape { path } => write!(
                f,
                "`{path}` is a list in one place and not in another: write it as a pod has it"
            ),
            Self::MixedElements { path } => {
                write!(
                    f,
                    "`{path}`: make all elements objects, or all scalars of one type"
                )
            }
            Self::NoMergeKey { path } => {
                write!(
                    f,
                    "`{path}` cannot merge objects: write scalars, or the whole list without directives"
                )
            }
            Self::MergeKeyMissing { path, key } => {
                write!(f, "`{path}` is merged by `{key}`: give every element a `{key}`")
            }
            Self::NotComparable { path } => {
                write!(
                    f,
                    "`{path}`: tell elements apart by a string or a number, not an object or a list"
                )
            }
        }
    }
}

impl std::error::Error for Refused {}

/// A place in the patch; kept on the stack and written out only when something is refused.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Element(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    pub(super) fn field(&'a self, name: &'a str) -> Path<'a> {
        Path::Field(self, name)
    }

    pub(super) fn element(&'a self, index: usize) -> Path<'a> {
        Path::Element(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Field(Path::Root, name) => f.write_str(name),
            Path::Field(parent, name) => write!(f, "{parent}.{name}"),
            Path::Element(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}
