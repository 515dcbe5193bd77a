//! The compiled module and its instances: waPC's three operations, and the limit on how long a guest may run.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use wapc::{WapcHost, WasiParams};
use wasmtime_provider::wasmtime;
use wasmtime_provider::{EpochDeadlines, WasmtimeEngineProviderBuilder, WasmtimeEngineProviderPre};

use crate::capabilities::{Capabilities, NoCapabilities};

/// What the engine says when a guest ran past its limit; there is no typed error for it.
const INTERRUPTED: &str = "execution deadline exceeded";

/// What is in the environment of a guest whose engine nobody ticks, and of no guest of policy-server: it need not look at
/// the clock of a machine that may stop for a second, and answers the same whatever else runs there.
const UNTIMED: &str = "POLICY_HOST_UNTIMED";

/// Compiles modules and counts ticks. Modules of one engine share its ticks.
#[derive(Clone)]
pub struct Engine(wasmtime::Engine);

impl Engine {
    /// An engine as policy-server configures it: the defaults, and interruption by ticks.
    ///
    /// # Errors
    /// When this machine cannot run compiled WebAssembly.
    pub fn new() -> Result<Self, HostError> {
        let mut config = wasmtime::Config::new();
        config.epoch_interruption(true);
        wasmtime::Engine::new(&config)
            .map(Self)
            .map_err(|e| HostError::Compile(format!("{e:#}")))
    }

    /// One tick nearer to the limit, for every guest that runs now.
    pub fn tick(&self) {
        self.0.increment_epoch();
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}

/// How many ticks of its engine a guest may run, at start-up and again for each operation. Host calls are not
/// interrupted: a guest that waits for one is stopped when it gets its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The ticks; one tick may be anything from nothing to a whole period.
    pub ticks: u64,
}

/// A policy, compiled and linked once. Cheap to clone.
#[derive(Clone)]
pub struct Module {
    engine: Engine,
    pre: Arc<WasmtimeEngineProviderPre>,
    size: usize,
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Module({} bytes)", self.size)
    }
}

impl Module {
    /// Compiles WebAssembly (or its text form) in an engine of its own, which nobody ticks.
    ///
    /// # Errors
    /// When the bytes are no module, or one that asks for functions the host does not have.
    pub fn from_bytes(wasm: &[u8]) -> Result<Self, HostError> {
        let untimed = (UNTIMED.to_owned(), "1".to_owned());
        Self::compile(&Engine::new()?, wasm, vec![untimed])
    }

    /// Reads and compiles a file, as [`Module::from_bytes`] does.
    ///
    /// # Errors
    /// As [`Module::from_bytes`], and when the file cannot be read.
    pub fn from_file(path: &Path) -> Result<Self, HostError> {
        Self::from_bytes(&read(path)?)
    }

    /// Compiles in an engine shared with other modules.
    ///
    /// # Errors
    /// As [`Module::from_bytes`].
    pub fn in_engine(engine: &Engine, wasm: &[u8]) -> Result<Self, HostError> {
        Self::compile(engine, wasm, Vec::new())
    }

    fn compile(engine: &Engine, wasm: &[u8], environment: Vec<(String, String)>) -> Result<Self, HostError> {
        let wasi = WasiParams {
            env_vars: environment,
            ..WasiParams::default()
        };
        let pre = WasmtimeEngineProviderBuilder::new()
            .wasi_params(wasi)
            .engine(engine.0.clone())
            .module_bytes(wasm)
            .build_pre()
            .map_err(|e| HostError::Compile(chain(&e)))?;
        Ok(Self {
            engine: engine.clone(),
            pre: Arc::new(pre),
            size: wasm.len(),
        })
    }

    /// Reads a file and compiles it in an engine shared with other modules.
    ///
    /// # Errors
    /// As [`Module::from_file`].
    pub fn file_in_engine(engine: &Engine, path: &Path) -> Result<Self, HostError> {
        Self::in_engine(engine, &read(path)?)
    }

    /// The engine the module was compiled in.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The size of the module as it was given, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// A fresh instance: nothing of an earlier request is in it.
    ///
    /// # Errors
    /// When the guest's start-up code fails or runs past the limit.
    pub fn instance(
        &self,
        capabilities: Arc<dyn Capabilities>,
        limit: Option<Limit>,
    ) -> Result<Instance, HostError> {
        // Half of the range, because the engine adds the current tick to it.
        let ticks = limit.map_or(u64::MAX / 2, |limit| limit.ticks);
        let provider = self
            .pre
            .rehydrate(Some(EpochDeadlines {
                wapc_init: ticks,
                wapc_func: ticks,
            }))
            .map_err(|e| HostError::Instantiate(chain(&e)))?;
        let callback = move |_id: u64,
                             binding: &str,
                             namespace: &str,
                             operation: &str,
                             payload: &[u8]|
              -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
            capabilities
                .call(binding, namespace, operation, payload)
                .map_err(Into::into)
        };
        let host = WapcHost::new(Box::new(provider), Some(Box::new(callback))).map_err(|e| {
            let text = e.to_string();
            if text.contains(INTERRUPTED) {
                HostError::Interrupted
            } else {
                HostError::Instantiate(text)
            }
        })?;
        Ok(Instance { host })
    }

    /// Asks whether settings are valid, in a fresh instance that can call nothing but the log.
    ///
    /// # Errors
    /// When the guest fails, or its answer is no settings response.
    pub fn validate_settings(
        &self,
        settings: &[u8],
        limit: Option<Limit>,
    ) -> Result<SettingsResponse, HostError> {
        self.instance(Arc::new(NoCapabilities), limit)?
            .validate_settings(settings)
    }

    /// Asks for the version of the protocol, in a fresh instance.
    ///
    /// # Errors
    /// When the guest fails, or its answer is no JSON string.
    pub fn protocol_version(&self) -> Result<String, HostError> {
        self.instance(Arc::new(NoCapabilities), None)?.protocol_version()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, HostError> {
    std::fs::read(path).map_err(|source| HostError::Read {
        path: path.to_owned(),
        source,
    })
}

/// One instance of a module, for one request.
#[derive(Debug)]
pub struct Instance {
    host: WapcHost,
}

impl Instance {
    /// Calls any operation.
    ///
    /// # Errors
    /// When the guest answers with an error, traps, or runs past the limit.
    pub fn call(&self, operation: &str, payload: &[u8]) -> Result<Vec<u8>, HostError> {
        self.host.call(operation, payload).map_err(|e| {
            let text = e.to_string();
            if text.contains(INTERRUPTED) {
                HostError::Interrupted
            } else {
                HostError::Guest(text)
            }
        })
    }

    /// Judges a request; the payload is `{"request": ..., "settings": ...}`.
    ///
    /// # Errors
    /// As [`Instance::call`], and when the answer is no validation response.
    pub fn validate(&self, payload: &[u8]) -> Result<ValidationResponse, HostError> {
        self.ask("validate", payload)
    }

    /// Judges settings; the payload is the bare settings object.
    ///
    /// # Errors
    /// As [`Instance::call`], and when the answer is no settings response.
    pub fn validate_settings(&self, settings: &[u8]) -> Result<SettingsResponse, HostError> {
        self.ask("validate_settings", settings)
    }

    /// The version of the protocol the guest speaks: `v1`.
    ///
    /// # Errors
    /// As [`Instance::call`], and when the answer is no JSON string.
    pub fn protocol_version(&self) -> Result<String, HostError> {
        self.ask("protocol_version", b"")
    }

    fn ask<T: DeserializeOwned>(&self, operation: &'static str, payload: &[u8]) -> Result<T, HostError> {
        let answer = self.call(operation, payload)?;
        serde_json::from_slice(&answer).map_err(|source| HostError::Answer { operation, source })
    }
}

/// What a policy answers to `validate`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ValidationResponse {
    /// Whether the request may go on.
    pub accepted: bool,
    /// Why not.
    #[serde(default)]
    pub message: Option<String>,
    /// The HTTP code to refuse with.
    #[serde(default)]
    pub code: Option<u16>,
    /// The whole object as the policy wants it.
    #[serde(default)]
    pub mutated_object: Option<Value>,
    /// What to write into the audit log.
    #[serde(default)]
    pub audit_annotations: Option<BTreeMap<String, String>>,
    /// What to tell the client.
    #[serde(default)]
    pub warnings: Option<Vec<String>>,
}

/// What a policy answers to `validate_settings`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsResponse {
    /// Whether the settings can be used.
    pub valid: bool,
    /// What is wrong with them.
    #[serde(default)]
    pub message: Option<String>,
}

/// What can go wrong between the host and a guest.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The file cannot be read.
    #[error("cannot read the module `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The bytes are no module that this host can run.
    #[error("cannot compile the module: {0}")]
    Compile(String),
    /// The instance cannot be started.
    #[error("cannot start an instance: {0}")]
    Instantiate(String),
    /// The guest ran past its limit.
    #[error("policy execution interrupted because it exceeded the allowed execution time")]
    Interrupted,
    /// The guest answered with an error, or trapped; the text is waPC's.
    #[error("{0}")]
    Guest(String),
    /// The guest's answer cannot be read.
    #[error("the guest's answer to `{operation}` cannot be read: {source}")]
    Answer {
        /// The operation that was called.
        operation: &'static str,
        /// What the reader said.
        source: serde_json::Error,
    },
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
