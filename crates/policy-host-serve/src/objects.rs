//! Fills a store from files: YAML or JSON, many documents in a file, lists opened.

use std::path::{Path, PathBuf};

use policy_host::{Store, StoreError};
use serde_json::Value;

/// Why objects cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// The file or folder cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is neither YAML nor JSON.
    #[error("`{path}` is no YAML or JSON: {reason}")]
    Text {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        reason: String,
    },
    /// A document is no object.
    #[error("`{path}`, object {place}: {source}")]
    Object {
        /// The file.
        path: PathBuf,
        /// Which one, from 1, lists opened.
        place: usize,
        /// What is wrong with it.
        source: StoreError,
    },
}

/// Puts the objects of a file, or of all `.yaml`, `.yml` and `.json` files of a folder in the order of their names, into
/// the store as of time 0. Answers with their number.
///
/// # Errors
/// When anything cannot be read.
pub fn load(store: &Store, path: &Path) -> Result<usize, ObjectsError> {
    let failed = |source| ObjectsError::Read {
        path: path.to_owned(),
        source,
    };
    if !path.is_dir() {
        return load_file(store, path);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let known = file
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
        if known && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    files.iter().map(|file| load_file(store, file)).sum()
}

fn load_file(store: &Store, path: &Path) -> Result<usize, ObjectsError> {
    let text = std::fs::read_to_string(path).map_err(|source| ObjectsError::Read {
        path: path.to_owned(),
        source,
    })?;
    let is_json = path.extension().is_some_and(|end| end == "json");
    let documents: Result<Vec<Value>, String> = if is_json {
        serde_json::Deserializer::from_str(&text)
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(|e| e.to_string())
    } else {
        serde_saphyr::from_multiple(&text).map_err(|e| e.to_string())
    };
    let documents = documents.map_err(|reason| ObjectsError::Text {
        path: path.to_owned(),
        reason,
    })?;
    let mut place = 0;
    for object in documents
        .into_iter()
        .filter(|document| !document.is_null())
        .flat_map(opened)
    {
        place += 1;
        store.put(0, object).map_err(|source| ObjectsError::Object {
            path: path.to_owned(),
            place,
            source,
        })?;
    }
    Ok(place)
}

/// The items of a list, or the object itself.
fn opened(mut document: Value) -> Vec<Value> {
    let is_list = document
        .get("kind")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.ends_with("List"));
    match document.get_mut("items") {
        Some(Value::Array(items)) if is_list => std::mem::take(items),
        _ => vec![document],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_lists_and_folders_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "a.yaml",
            "---\napiVersion: v1\nkind: Node\nmetadata: {name: n1}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\n---\n",
        );
        write(
            "b.json",
            r#"{"apiVersion":"v1","kind":"PodList","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"}}]}"#,
        );
        write("notes.txt", "not read");
        let store = Store::new();
        assert_eq!(load(&store, folder.path()).unwrap(), 3);
        let names: Vec<String> = store.ids().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["v1/Node /n1", "v1/Pod /b", "v1/Pod shop/a"]);
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        std::fs::write(&file, r#"{"kind":"Pod"}"#).unwrap();
        assert_eq!(
            load(&Store::new(), &file).unwrap_err().to_string(),
            format!(
                "`{}`, object 1: the object has no text at `/apiVersion`: every object needs apiVersion, kind and metadata.name",
                file.display()
            )
        );
        assert!(matches!(
            load(&Store::new(), Path::new("nowhere")),
            Err(ObjectsError::Read { .. })
        ));
    }
}
