// HTTP by Boost.Beast on one thread; see admin_server.hpp.
#include "admin/admin_server.hpp"

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace c1m::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr auto request_timeout = std::chrono::seconds(5);
constexpr auto accept_pause = std::chrono::milliseconds(100);
constexpr std::uint32_t header_bytes_max = 8 * 1024;
constexpr std::uint64_t body_bytes_max = 1024;
constexpr unsigned connections_max = 64;

// What connections share; touched by the admin thread only.
struct Site {
  AdminAnswerer answer;
  unsigned connections = 0;
};

// One connection; lives as long as an operation of it is pending.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Site& site) : stream_(std::move(socket)), site_(site) {
    ++site_.connections;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { --site_.connections; }

  void read_request() {
    request_.emplace();
    request_->header_limit(header_bytes_max);
    request_->body_limit(body_bytes_max);
    // One timeout from the first byte to the last, so that a client which trickles gains nothing.
    stream_.expires_after(request_timeout);
    http::async_read(stream_, buffer_, *request_,
                     [self = shared_from_this()](beast::error_code error, std::size_t) {
                       self->on_request(error);
                     });
  }

 private:
  void on_request(const beast::error_code& error) {
    if (error == http::error::end_of_stream || error == beast::error::timeout) {
      close();
      return;
    }
    if (error) {
      respond(plain_answer(http::status::bad_request), false);
      return;
    }
    const auto& request = request_->get();
    const std::string_view method(request.method_string().data(), request.method_string().size());
    const std::string_view target(request.target().data(), request.target().size());
    respond(site_.answer(method, target), request.keep_alive());
  }

  static AdminAnswer plain_answer(http::status status) {
    return {.status = static_cast<int>(status),
            .content_type = "text/plain; charset=utf-8",
            .body = std::string(http::obsolete_reason(status)) + "\n",
            .allow = {}};
  }

  void respond(AdminAnswer answer, bool keep_alive) {
    const bool is_head = request_->get().method() == http::verb::head;
    response_ = {};
    response_.result(static_cast<unsigned>(answer.status));
    response_.set(http::field::content_type, answer.content_type);
    response_.set(http::field::cache_control, "no-store");
    if (!answer.allow.empty()) response_.set(http::field::allow, answer.allow);
    response_.keep_alive(keep_alive);
    response_.content_length(answer.body.size());
    // The answer to HEAD has the same headers and no body.
    if (!is_head) response_.body() = std::move(answer.body);
    stream_.expires_after(request_timeout);
    http::async_write(
        stream_, response_,
        [self = shared_from_this(), keep_alive](beast::error_code error, std::size_t) {
          if (error || !keep_alive) {
            self->close();
          } else {
            self->read_request();
          }
        });
  }

  void close() {
    beast::error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> request_;
  http::response<http::string_body> response_;
  Site& site_;
};

}  // namespace

class AdminServer::Body {
 public:
  explicit Body(AdminAnswerer answer)
      : site_{.answer = std::move(answer)}, acceptor_(context_), pause_(context_) {}
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;
  ~Body() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  os::Result<void> start(os::Descriptor listener) {
    beast::error_code error;
    // The protocol matters to asio for new sockets' type only; both families accept alike.
    acceptor_.assign(tcp::v4(), listener.get(), error);
    if (error) return os::fail(error.value(), "assign");
    std::ignore = listener.release();  // the acceptor closes it
    accept();
    thread_ = std::thread([this] { context_.run(); });
    return {};
  }

 private:
  void accept() {
    acceptor_.async_accept([this](beast::error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      // Out of descriptors, most likely: trying again at once would only spin.
      if (error) {
        accept_later();
        return;
      }
      if (site_.connections < connections_max) {
        std::make_shared<Connection>(std::move(socket), site_)->read_request();
      }
      accept();
    });
  }

  void accept_later() {
    pause_.expires_after(accept_pause);
    pause_.async_wait([this](beast::error_code error) {
      if (!error) accept();
    });
  }

  Site site_;
  // After the site: its destruction destroys the connections, which count themselves out.
  asio::io_context context_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::thread thread_;
};

AdminServer::AdminServer(std::unique_ptr<Body> body) : body_(std::move(body)) {}
AdminServer::AdminServer(AdminServer&&) noexcept = default;
AdminServer::~AdminServer() = default;

os::Result<AdminServer> AdminServer::start(os::Descriptor listener, AdminAnswerer answer) {
  auto body = std::make_unique<Body>(std::move(answer));
  if (const auto started = body->start(std::move(listener)); !started)
    return std::unexpected(started.error());
  return AdminServer(std::move(body));
}

}  // namespace c1m::admin
