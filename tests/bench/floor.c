/*
 * The minimum cost of reading WireGuard: requests the links of kind wireguard and the device of each from the kernel, and reads
 * only the lengths and the ifindexes of the replies. Compiled statically by the benchmark.
 */
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 32 * 1024, LINKS = 4096, WGDEVICE_A_IFINDEX = 1 };

static char buffer[BUFFER];
static unsigned int links[LINKS];
static int found;

struct request {
	struct nlmsghdr header;
	char body[128];
};

static void append(struct request *request, int type, const void *value, int length)
{
	struct nlattr *attribute = (void *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));

	attribute->nla_type = type;
	attribute->nla_len = NLA_HDRLEN + length;
	memcpy((char *)attribute + NLA_HDRLEN, value, length);
	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + NLA_ALIGN(attribute->nla_len);
}

/* Sends a request, and receives up to the end mark of a list or a single message, which is returned. */
static struct nlmsghdr *ask(int socket, struct request *request)
{
	int list = request->header.nlmsg_flags & NLM_F_DUMP;

	if (send(socket, request, request->header.nlmsg_len, 0) < 0)
		_exit(1);
	for (;;) {
		ssize_t left = recv(socket, buffer, sizeof(buffer), 0);
		struct nlmsghdr *message = (void *)buffer;

		if (left <= 0)
			_exit(1);
		for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
			if (message->nlmsg_type == NLMSG_DONE || !list)
				return message;
			if (message->nlmsg_type == NLMSG_ERROR)
				_exit(1);
			if (message->nlmsg_type == RTM_NEWLINK && found < LINKS)
				links[found++] = ((struct ifinfomsg *)NLMSG_DATA(message))->ifi_index;
		}
	}
}

int main(void)
{
	int route = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), generic = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	struct request request = { .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
		.nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };
	char kind[NLA_HDRLEN + 12] = { 0 };
	struct nlattr *nested = (void *)kind;
	struct nlmsghdr *answer;
	struct genlmsghdr *generic_header;
	int strict = 1, family = 0;

	setsockopt(route, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &strict, sizeof(strict));
	nested->nla_type = IFLA_INFO_KIND;
	nested->nla_len = NLA_HDRLEN + 9;
	memcpy(kind + NLA_HDRLEN, "wireguard", 9);
	append(&request, IFLA_LINKINFO, kind, sizeof(kind));
	ask(route, &request);

	memset(&request, 0, sizeof(request));
	request.header.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	request.header.nlmsg_type = GENL_ID_CTRL;
	request.header.nlmsg_flags = NLM_F_REQUEST;
	generic_header = NLMSG_DATA(&request.header);
	generic_header->cmd = CTRL_CMD_GETFAMILY;
	append(&request, CTRL_ATTR_FAMILY_NAME, "wireguard", 10);
	answer = ask(generic, &request);
	for (char *at = (char *)NLMSG_DATA(answer) + GENL_HDRLEN; at < (char *)answer + answer->nlmsg_len;) {
		struct nlattr *attribute = (void *)at;

		if (attribute->nla_type == CTRL_ATTR_FAMILY_ID)
			family = *(unsigned short *)(at + NLA_HDRLEN);
		at += NLA_ALIGN(attribute->nla_len);
	}
	for (int i = 0; i < found; i++) {
		memset(&request, 0, sizeof(request));
		request.header.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
		request.header.nlmsg_type = family;
		request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		append(&request, WGDEVICE_A_IFINDEX, &links[i], sizeof(links[i]));
		ask(generic, &request);
	}
	return 0;
}
