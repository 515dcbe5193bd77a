;; Accepts if the namespace `shop` has a pod, rejects if it has none, passes the host's error on; all settings are valid.
(module
  (import "wapc" "__guest_response" (func $respond (param i32 i32)))
  (import "wapc" "__guest_error" (func $fail (param i32 i32)))
  (import "wapc" "__host_call" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wapc" "__host_response_len" (func $answer_len (result i32)))
  (import "wapc" "__host_error_len" (func $error_len (result i32)))
  (import "wapc" "__host_error" (func $error (param i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "kubewarden")
  (data (i32.const 16) "kubernetes")
  (data (i32.const 32) "list_resources_by_namespace")
  (data (i32.const 64) "{\"api_version\":\"v1\",\"kind\":\"Pod\",\"namespace\":\"shop\"}")
  (data (i32.const 128) "{\"accepted\":true}")
  (data (i32.const 160) "{\"accepted\":false,\"message\":\"nobody is there\",\"code\":404}")
  (data (i32.const 224) "{\"valid\":true}")
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    (if (i32.eq (local.get $operation) (i32.const 17))
      (then
        (call $respond (i32.const 224) (i32.const 14))
        (return (i32.const 1))))
    (if (i32.eqz
        (call $call
          (i32.const 0) (i32.const 10) (i32.const 16) (i32.const 10)
          (i32.const 32) (i32.const 27) (i32.const 64) (i32.const 52)))
      (then
        (call $error (i32.const 65536))
        (call $fail (i32.const 65536) (call $error_len))
        (return (i32.const 0))))
    ;; An empty list of pods has 61 bytes.
    (if (i32.gt_u (call $answer_len) (i32.const 61))
      (then (call $respond (i32.const 128) (i32.const 17)))
      (else (call $respond (i32.const 160) (i32.const 57))))
    (i32.const 1)))
