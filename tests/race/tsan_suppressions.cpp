/// What ThreadSanitizer reports falsely here, by function.

extern "C" auto __tsan_default_suppressions() -> const char*;

extern "C" auto __tsan_default_suppressions() -> const char* {
  // The last owner of a shared executor deletes it after an atomic_thread_fence, which the sanitizer does
  // not see. The same tests run under AddressSanitizer, which would see a use after the deletion.
  return "race:boost::asio::detail::ref_count_down\n"
         "race:boost::asio::execution::detail::shared_target_executor\n";
}
