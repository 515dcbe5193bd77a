;; Puts one object in place of any other, with a warning and an audit annotation; rejects settings.
(module
  (import "wapc" "__guest_response" (func $respond (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"accepted\":true,\"mutated_object\":{\"a\":[1,2],\"b\":{\"c\":\"d\"}},\"audit_annotations\":{\"k\":\"v\"},\"warnings\":[\"careful\"]}")
  (data (i32.const 256) "{\"valid\":false,\"message\":\"subsets: empty\"}")
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    (if (i32.eq (local.get $operation) (i32.const 8))
      (then (call $respond (i32.const 0) (i32.const 113)))
      (else (call $respond (i32.const 256) (i32.const 42))))
    (i32.const 1)))
