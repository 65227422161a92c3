/** Feeds every file of the directories that it is given to a fuzz target: the
 * corpus as a plain test, with any compiler. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

/* The octets stand in a block of just their size, so that the address
 * sanitizer sees a read past their end. */
static int feed(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size == 0 ? 1 : size);
    int is_read = 0;

    if (file != NULL && data != NULL) {
        is_read = fread(data, 1, size, file) == size;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    if (is_read) {
        (void)LLVMFuzzerTestOneInput(data, size);
    } else {
        (void)fprintf(stderr, "%s: cannot be read\n", path);
    }
    free(data);
    return is_read;
}

/* How many files were fed; -1 when one could not be. */
static int feed_directory(const char *directory)
{
    DIR *entries = opendir(directory);
    struct dirent *entry;
    int count = 0;

    if (entries == NULL) {
        (void)fprintf(stderr, "%s: %s\n", directory, strerror(errno));
        return -1;
    }
    while (count >= 0 && (entry = readdir(entries)) != NULL) {
        char path[4096];
        struct stat about;

        (void)snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (stat(path, &about) == 0 && S_ISREG(about.st_mode)) {
            count = feed(path, (size_t)about.st_size) ? count + 1 : -1;
        }
    }
    (void)closedir(entries);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;

    /* A target must bear the empty input; no corpus needs a file for it. */
    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        int count = feed_directory(argv[i]);

        if (count < 0) {
            return EXIT_FAILURE;
        }
        total += count;
    }
    (void)printf("%d inputs\n", total);
    return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
