;; Rejects every request.
(module
  (import "wapc" "__guest_response" (func $respond (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"accepted\":false,\"message\":\"no room\",\"code\":403}")
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    (call $respond (i32.const 0) (i32.const 49))
    (i32.const 1)))
