;; Answers with what it was given, byte for byte. As settings, `{"valid":...}` is its own answer.
(module
  (import "wapc" "__guest_request" (func $request (param i32 i32)))
  (import "wapc" "__guest_response" (func $respond (param i32 i32)))
  (memory (export "memory") 64)
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    (call $request (i32.const 0) (i32.const 64))
    (call $respond (i32.const 64) (local.get $payload))
    (i32.const 1)))
