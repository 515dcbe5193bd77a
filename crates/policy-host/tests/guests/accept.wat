;; Accepts every request and all settings, speaks v1.
(module
  (import "wapc" "__guest_response" (func $respond (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "{\"accepted\":true}")
  (data (i32.const 64) "{\"valid\":true}")
  (data (i32.const 128) "\"v1\"")
  ;; The operations differ in length: validate 8, protocol_version 16, validate_settings 17.
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    (if (i32.eq (local.get $operation) (i32.const 8))
      (then (call $respond (i32.const 0) (i32.const 17))))
    (if (i32.eq (local.get $operation) (i32.const 16))
      (then (call $respond (i32.const 128) (i32.const 4))))
    (if (i32.eq (local.get $operation) (i32.const 17))
      (then (call $respond (i32.const 64) (i32.const 14))))
    (i32.const 1)))
