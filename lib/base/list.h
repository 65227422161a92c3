/** A doubly linked list whose links stand inside what it links. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stddef.h>

/** The list's head, or one link. An empty head and a link in no list point to
 * themselves. */
struct sli_list {
    struct sli_list *next;
    struct sli_list *previous;
};

/** The struct of type `type` whose member `member` is the link `link`. */
#define SLI_LIST_ITEM(link, type, member) \
    ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void sli_list_init(struct sli_list *list)
{
    list->next = list;
    list->previous = list;
}

static inline int sli_list_is_empty(const struct sli_list *list)
{
    return list->next == list;
}

/** Puts `link`, which is in no list, at the end. */
static inline void sli_list_append(struct sli_list *list, struct sli_list *link)
{
    link->next = list;
    link->previous = list->previous;
    list->previous->next = link;
    list->previous = link;
}

/** Takes `link` out of its list, if it is in one. */
static inline void sli_list_remove(struct sli_list *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    sli_list_init(link);
}

/** Takes the first link out; NULL when there is none. */
static inline struct sli_list *sli_list_take(struct sli_list *list)
{
    struct sli_list *first = list->next;

    if (first == list) {
        return NULL;
    }
    sli_list_remove(first);
    return first;
}

#endif
