// Which page of an admin endpoint a request gets: a pure function of its line and of the pages.
// Threads: any. Not here: HTTP on the wire (admin_server.hpp), what the pages say.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace c1m::admin {

struct AdminAnswer {
  int status = 200;
  std::string content_type;
  std::string body;
  std::string allow;  // for the header of that name; with status 405 only
};

struct AdminPage {
  std::string_view path;
  std::function<AdminAnswer()> answer;
};

// GET and HEAD of a page; a query is ignored. Other paths: 404 with the list; other methods: 405.
[[nodiscard]] AdminAnswer answer_from(std::span<const AdminPage> pages, std::string_view method,
                                      std::string_view target);

// With a status of HTTP and a plain text.
[[nodiscard]] AdminAnswer text_answer(int status, std::string body);

}  // namespace c1m::admin
