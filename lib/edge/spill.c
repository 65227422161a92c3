/** Writing a content out of memory, off the loop. */
#include "edge/spill.h"

#include <slimta/envelope.h>

#include "base/alloc.h"
#include "edge/edge.h"
#include "edge/held.h"
#include "io/file.h"
#include "mail/content.h"

static const struct sli_mail_store store = {
    .open = sli_io_file_open,
    .write = sli_io_file_write,
    .read = sli_io_file_read,
    .close = sli_io_file_close,
};

static void run(struct sli_io_work *work)
{
    struct sli_edge_spill *spill =
        SLI_LIST_ITEM(work, struct sli_edge_spill, work);

    spill->result =
        sli_mail_content_spill(spill->content, &store, spill->directory);
}

static void done(struct sli_io_work *work)
{
    struct sli_edge_spill *spill =
        SLI_LIST_ITEM(work, struct sli_edge_spill, work);
    struct sli_edge_shard *shard = spill->shard;

    sli_mail_content_unref(spill->content);
    if (spill->handoff != NULL) {
        sli_edge_held_at_most(spill->handoff,
            spill->result == 0 ? SLIMTA_HEAD_BYTES : UINT64_MAX);
        spill->done(spill->handoff, spill->result);
    }
    sli_free(&shard->edge->alloc, spill);
    sli_edge_shard_job_ends(shard);
}

int sli_edge_spill_start(struct sli_edge_spill **out,
    struct sli_edge_handoff *handoff, struct slimta_content *content,
    void (*finished)(struct sli_edge_handoff *handoff, int result))
{
    struct sli_edge_shard *shard = handoff->shard;
    struct sli_edge_spill *spill =
        sli_alloc_zero(&shard->edge->alloc, sizeof *spill);

    if (spill == NULL) {
        return SLIMTA_ENOMEM;
    }
    spill->shard = shard;
    spill->handoff = handoff;
    spill->content = sli_mail_content_ref(content);
    spill->directory = handoff->limits->spill_directory;
    spill->done = finished;
    *out = spill;
    if (!slimta_content_is_spilled(content)) {
        sli_edge_count(&shard->counters, SLI_EDGE_COUNT_MESSAGES_SPILLED, 1);
    }
    sli_edge_shard_job_begins(shard);
    sli_io_work_start(shard->loop, &spill->work, SLI_IO_WORK_DISK, run, done);
    return 0;
}

void sli_edge_spill_forget(struct sli_edge_spill *spill)
{
    spill->handoff = NULL;
}
