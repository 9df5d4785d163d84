// Choosing a page; see admin_pages.hpp.
#include "admin/admin_pages.hpp"

#include <algorithm>
#include <utility>

namespace c1m::admin {
namespace {

constexpr int not_found = 404;
constexpr int method_not_allowed = 405;

std::string nothing_there(std::span<const AdminPage> pages, std::string_view path) {
  std::string text = "nothing at " + std::string(path) + "; there are";
  for (const AdminPage& page : pages) {
    if (&page != &pages.front()) text += &page == &pages.back() ? " and" : ",";
    text += " " + std::string(page.path);
  }
  return text + "\n";
}

}  // namespace

AdminAnswer answer_from(std::span<const AdminPage> pages, std::string_view method,
                        std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  const auto page = std::ranges::find(pages, path, &AdminPage::path);
  if (page == pages.end()) return text_answer(not_found, nothing_there(pages, path));
  if (method != "GET" && method != "HEAD") {
    AdminAnswer answer = text_answer(method_not_allowed, "only GET and HEAD are allowed here\n");
    answer.allow = "GET, HEAD";
    return answer;
  }
  return page->answer();
}

AdminAnswer text_answer(int status, std::string body) {
  return {.status = status,
          .content_type = "text/plain; charset=utf-8",
          .body = std::move(body),
          .allow = {}};
}

}  // namespace c1m::admin
