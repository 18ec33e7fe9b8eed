#ifndef SERVICE_LOCAL_H
#define SERVICE_LOCAL_H

/* A datagram socket connected to this local path ("@" begins an abstract
 * name); -1: errno says why. */
int local_connect(const char *path);

#endif
