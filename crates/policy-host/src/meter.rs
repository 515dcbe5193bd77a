//! Runs a module and counts the instructions that it executes: the same number for the same call, on any machine.
//!
//! The engines that answer requests count nothing, for that makes them slower. This one has what a policy imports (waPC,
//! and of WASI the clock, an empty environment and bytes that are not random) and nothing else; its clock stands still
//! but for the host calls that move it.

use std::sync::Arc;
use std::time::Duration;

use wasmtime_provider::wasmtime::{self, Caller, Config, Engine, Extern, Linker, Memory, Module, Store};

use crate::capabilities::Capabilities;
use crate::module::HostError;

/// More than any call that ends can use.
const ENDLESS: u64 = u64::MAX / 2;

/// A module that is run by the meter.
pub struct Meter {
    module: Module,
    linker: Linker<Call>,
}

/// What came of one call.
#[derive(Clone, Debug)]
pub struct Metered {
    /// What the guest answered; its error or trap as text.
    pub answer: Result<Vec<u8>, String>,
    /// The instructions that it executed, as wasmtime counts them, start-up included.
    pub fuel: u64,
    /// The memory that it came to have, in bytes.
    pub memory: usize,
}

/// The clock of a meter: how long ago the call began.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// The state of one call.
struct Call {
    operation: Vec<u8>,
    payload: Vec<u8>,
    capabilities: Arc<dyn Capabilities>,
    clock: Clock,
    from_host: Result<Vec<u8>, String>,
    answer: Result<Vec<u8>, String>,
}

impl Meter {
    /// Compiles a module.
    ///
    /// # Errors
    /// When the bytes are no module, or one that asks for functions beyond those of a policy.
    pub fn new(wasm: &[u8]) -> Result<Self, HostError> {
        let compile = |wasm| -> wasmtime::Result<Self> {
            let mut config = Config::new();
            config.consume_fuel(true);
            let engine = Engine::new(&config)?;
            let mut linker = Linker::new(&engine);
            link_guest(&mut linker)?;
            link_host(&mut linker)?;
            link_wasi(&mut linker)?;
            let module = Module::new(&engine, wasm)?;
            Ok(Self { module, linker })
        };
        compile(wasm).map_err(|error| HostError::Compile(format!("{error:#}")))
    }

    /// Calls an operation in a fresh instance.
    ///
    /// # Errors
    /// When no instance can be started. What the guest does wrong is in what is returned.
    pub fn call(
        &self,
        operation: &str,
        payload: &[u8],
        capabilities: Arc<dyn Capabilities>,
        clock: Clock,
    ) -> Result<Metered, HostError> {
        let call = Call {
            operation: operation.as_bytes().to_vec(),
            payload: payload.to_vec(),
            capabilities,
            clock,
            from_host: Ok(Vec::new()),
            answer: Err("the guest answered nothing".to_owned()),
        };
        let mut store = Store::new(self.module.engine(), call);
        let lengths = (length(operation.as_bytes()), length(payload));
        let started = |store: &mut Store<Call>| -> wasmtime::Result<_> {
            store.set_fuel(ENDLESS)?;
            let instance = self.linker.instantiate(&mut *store, &self.module)?;
            let start = instance.get_typed_func::<(), ()>(&mut *store, "wapc_init")?;
            start.call(&mut *store, ())?;
            let guest = instance.get_typed_func::<(i32, i32), i32>(&mut *store, "__guest_call")?;
            let memory = instance.get_memory(&mut *store, "memory");
            Ok((guest, memory))
        };
        let (guest, memory) =
            started(&mut store).map_err(|error| HostError::Instantiate(format!("{error:#}")))?;
        let trap = guest.call(&mut store, lengths).err();
        let left = store.get_fuel().unwrap_or_default();
        let memory = memory.map_or(0, |memory| memory.data_size(&store));
        let answer = match trap {
            Some(trap) => Err(format!("{trap:#}")),
            None => store.into_data().answer,
        };
        Ok(Metered {
            answer,
            fuel: ENDLESS.saturating_sub(left),
            memory,
        })
    }
}

/// How the guest is told what is asked of it, and tells its answer.
fn link_guest(linker: &mut Linker<Call>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wapc",
        "__guest_request",
        |mut caller: Caller<'_, Call>, operation: u32, payload: u32| {
            let (name, body) = (caller.data().operation.clone(), caller.data().payload.clone());
            write(&mut caller, operation, &name)?;
            write(&mut caller, payload, &body)
        },
    )?;
    linker.func_wrap(
        "wapc",
        "__guest_response",
        |mut caller: Caller<'_, Call>, at: u32, length: u32| {
            caller.data_mut().answer = Ok(read(&mut caller, at, length)?);
            Ok(())
        },
    )?;
    linker.func_wrap(
        "wapc",
        "__guest_error",
        |mut caller: Caller<'_, Call>, at: u32, length: u32| {
            caller.data_mut().answer = Err(text(&mut caller, at, length)?);
            Ok(())
        },
    )?;
    Ok(())
}

/// Host calls and their answers.
fn link_host(linker: &mut Linker<Call>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wapc",
        "__host_call",
        |mut caller: Caller<'_, Call>,
         binding: u32,
         binding_length: u32,
         namespace: u32,
         namespace_length: u32,
         operation: u32,
         operation_length: u32,
         payload: u32,
         payload_length: u32|
         -> wasmtime::Result<i32> {
            let binding = text(&mut caller, binding, binding_length)?;
            let namespace = text(&mut caller, namespace, namespace_length)?;
            let operation = text(&mut caller, operation, operation_length)?;
            let payload = read(&mut caller, payload, payload_length)?;
            let answer = caller
                .data()
                .capabilities
                .call(&binding, &namespace, &operation, &payload);
            let is_good = answer.is_ok();
            caller.data_mut().from_host = answer;
            Ok(i32::from(is_good))
        },
    )?;
    linker.func_wrap("wapc", "__host_response_len", |caller: Caller<'_, Call>| {
        caller
            .data()
            .from_host
            .as_ref()
            .map_or(0, |answer| length(answer))
    })?;
    linker.func_wrap(
        "wapc",
        "__host_response",
        |mut caller: Caller<'_, Call>, at: u32| {
            let answer = caller.data().from_host.clone().unwrap_or_default();
            write(&mut caller, at, &answer)
        },
    )?;
    linker.func_wrap("wapc", "__host_error_len", |caller: Caller<'_, Call>| {
        let error = caller.data().from_host.as_ref().err();
        error.map_or(0, |error| length(error.as_bytes()))
    })?;
    linker.func_wrap("wapc", "__host_error", |mut caller: Caller<'_, Call>, at: u32| {
        let error = caller.data().from_host.clone().err().unwrap_or_default();
        write(&mut caller, at, error.as_bytes())
    })?;
    Ok(())
}

/// As much of WASI as Rust's standard library asks for.
fn link_wasi(linker: &mut Linker<Call>) -> wasmtime::Result<()> {
    const WASI: &str = "wasi_snapshot_preview1";
    linker.func_wrap(
        WASI,
        "clock_time_get",
        |mut caller: Caller<'_, Call>, _: i32, _: i64, at: u32| -> wasmtime::Result<i32> {
            let now = u64::try_from((caller.data().clock)().as_nanos()).unwrap_or(u64::MAX);
            write(&mut caller, at, &now.to_le_bytes())?;
            Ok(0)
        },
    )?;
    linker.func_wrap(
        WASI,
        "random_get",
        |mut caller: Caller<'_, Call>, at: u32, length: u32| -> wasmtime::Result<i32> {
            let zeros = vec![0; usize::try_from(length)?];
            write(&mut caller, at, &zeros)?;
            Ok(0)
        },
    )?;
    linker.func_wrap(
        WASI,
        "environ_sizes_get",
        |mut caller: Caller<'_, Call>, count: u32, size: u32| -> wasmtime::Result<i32> {
            write(&mut caller, count, &[0; 4])?;
            write(&mut caller, size, &[0; 4])?;
            Ok(0)
        },
    )?;
    linker.func_wrap(WASI, "environ_get", |_: i32, _: i32| 0)?;
    // 8 is EBADF: there is nowhere to write to.
    linker.func_wrap(WASI, "fd_write", |_: i32, _: i32, _: i32, _: i32| 8)?;
    linker.func_wrap(WASI, "proc_exit", |code: i32| -> wasmtime::Result<()> {
        Err(wasmtime::Error::msg(format!("the guest exits with {code}")))
    })?;
    Ok(())
}

fn memory(caller: &mut Caller<'_, Call>) -> wasmtime::Result<Memory> {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    memory.ok_or_else(|| wasmtime::Error::msg("the guest exports no memory"))
}

fn read(caller: &mut Caller<'_, Call>, at: u32, length: u32) -> wasmtime::Result<Vec<u8>> {
    let memory = memory(caller)?;
    let mut bytes = vec![0; usize::try_from(length)?];
    memory.read(&*caller, usize::try_from(at)?, &mut bytes)?;
    Ok(bytes)
}

fn text(caller: &mut Caller<'_, Call>, at: u32, length: u32) -> wasmtime::Result<String> {
    Ok(String::from_utf8(read(caller, at, length)?)?)
}

fn write(caller: &mut Caller<'_, Call>, at: u32, bytes: &[u8]) -> wasmtime::Result<()> {
    let memory = memory(caller)?;
    memory.write(&mut *caller, usize::try_from(at)?, bytes)?;
    Ok(())
}

/// No memory of 32 bits holds more.
fn length(bytes: &[u8]) -> i32 {
    i32::try_from(bytes.len()).unwrap_or(i32::MAX)
}
