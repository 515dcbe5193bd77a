;; Asks the host what it was asked, as an operation of kubewarden/kubernetes, and answers with the host's answer or error.
;; The loop runs once: it is a place where the guest can be interrupted after the call.
(module
  (import "wapc" "__guest_request" (func $request (param i32 i32)))
  (import "wapc" "__guest_response" (func $respond (param i32 i32)))
  (import "wapc" "__guest_error" (func $fail (param i32 i32)))
  (import "wapc" "__host_call" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wapc" "__host_response_len" (func $answer_len (result i32)))
  (import "wapc" "__host_response" (func $answer (param i32)))
  (import "wapc" "__host_error_len" (func $error_len (result i32)))
  (import "wapc" "__host_error" (func $error (param i32)))
  (memory (export "memory") 64)
  (data (i32.const 0) "kubewarden")
  (data (i32.const 16) "kubernetes")
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    (call $request (i32.const 32) (i32.const 1024))
    (if (result i32)
      (call $call
        (i32.const 0) (i32.const 10)
        (i32.const 16) (i32.const 10)
        (i32.const 32) (local.get $operation)
        (i32.const 1024) (local.get $payload))
      (then
        (loop $once)
        (call $answer (i32.const 65536))
        (call $respond (i32.const 65536) (call $answer_len))
        (i32.const 1))
      (else
        (call $error (i32.const 65536))
        (call $fail (i32.const 65536) (call $error_len))
        (i32.const 0)))))
