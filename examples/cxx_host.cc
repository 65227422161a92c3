/** A C++ host: objects free themselves, and what fails throws. */
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

#include <slimta/edge.h>

using senders = std::set<std::string>;
template <class T> using owner = std::unique_ptr<T, void (*)(T *)>;

static void must(int err, const slimta_error &error)
{
    if (err != 0) {
        throw std::runtime_error(error.text);
    }
}

// No exception may leave it: there is C above.
extern "C" void check_sender(slimta_session *, slimta_reply *reply,
    const char *sender, const slimta_mail_params *, slimta_op *, void *user)
try {
    if (static_cast<const senders *>(user)->count(sender) != 0) {
        slimta_reply_set(reply, 550, "5.7.1 Sender not allowed");
    }
} catch (const std::exception &) {
    slimta_reply_set(reply, 451, "4.3.0 Try again later");
}

static void serve(unsigned short port, const sigset_t &signals)
{
    senders unwanted{"spammer@example.com"};
    slimta_validators policy{};
    slimta_error error{};
    slimta_address address{};
    slimta_queue *queue = nullptr;
    smtp_edge *edge = nullptr;
    int number = 0;

    policy.size = sizeof policy;
    policy.user = &unwanted;
    policy.mail = check_sender;
    must(slimta_discard_queue_new(&queue, nullptr, &error), error);
    owner<slimta_queue> queue_owner(queue, slimta_queue_free);
    must(smtp_edge_new(&edge, nullptr, queue, &error), error);
    owner<smtp_edge> edge_owner(edge, smtp_edge_free); // goes before the queue
    must(smtp_edge_add_validators(edge, &policy, &error), error);
    must(smtp_edge_listen(edge, "127.0.0.1", port, &error), error);
    must(smtp_edge_start(edge, nullptr, &error), error); // no loop: a thread
    smtp_edge_address(edge, 0, &address);
    std::fprintf(stderr, "listening on 127.0.0.1:%u\n", address.port);
    sigwait(&signals, &number);
} // the edge stops, its thread ends, and then `unwanted` goes

int main(int argc, char **argv)
try {
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    serve(static_cast<unsigned short>(argc > 1 ? std::atoi(argv[1]) : 2525),
        signals);
    return 0;
} catch (const std::exception &error) {
    std::fprintf(stderr, "cannot receive mail: %s\n", error.what());
    return 1;
}
